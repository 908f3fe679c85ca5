"""Checksums and ETags: known answers, combining, and the ways in which a request names its checksum."""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.s3 import checksums
from holdfast.s3.checksums import ALGORITHMS, Algorithm, ChecksumClaim, Hasher
from holdfast.s3.codes import S3Error
from holdfast.s3.head import Head

CRCS: tuple[Algorithm, ...] = ("CRC32", "CRC32C", "CRC64NVME")


def value_of(algorithm: Algorithm, data: bytes) -> str:
    hasher = Hasher((algorithm,), md5=False)
    hasher.update(data)
    return hasher.checksum(algorithm)


def put(**headers: str) -> Head:
    return Head("PUT", "/b/k", "", {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("algorithm", "check_hex"),
    [
        # The catalogue of parametrised CRC algorithms, https://reveng.sourceforge.io/crc-catalogue/all.htm, "check".
        ("CRC32", "cbf43926"),
        ("CRC32C", "e3069283"),
        ("CRC64NVME", "ae8b14860a799888"),
        ("SHA1", hashlib.sha1(b"123456789").hexdigest()),
        ("SHA256", hashlib.sha256(b"123456789").hexdigest()),
    ],
)
def test_each_algorithm_gives_its_known_answer_in_base64(algorithm: Algorithm, check_hex: str) -> None:
    assert value_of(algorithm, b"123456789") == b64encode(bytes.fromhex(check_hex)).decode()


@given(pieces=st.lists(st.binary(max_size=50), max_size=6))
def test_a_body_in_pieces_has_the_digests_of_the_whole(pieces: list[bytes]) -> None:
    hasher = Hasher(ALGORITHMS, sha256_hex=True)
    for index, piece in enumerate(pieces):
        hasher.update((piece, bytearray(piece), memoryview(piece))[index % 3])
    whole = b"".join(pieces)
    assert hasher.length_bytes == len(whole)
    assert hasher.md5_hex() == hashlib.md5(whole).hexdigest()
    assert hasher.sha256_hex() == hashlib.sha256(whole).hexdigest()
    for algorithm in ALGORITHMS:
        assert hasher.checksum(algorithm) == value_of(algorithm, whole)


@given(data=st.binary(max_size=100), cut=st.integers(0, 100))
def test_crc32c_goes_on_from_what_came_before(data: bytes, cut: int) -> None:
    assert checksums.crc32c(data[cut:], checksums.crc32c(data[:cut], 0)) == checksums.crc32c(data)


@given(algorithm=st.sampled_from(CRCS), parts=st.lists(st.binary(max_size=200), max_size=8))
def test_combined_crcs_are_the_crc_of_the_whole(algorithm: Algorithm, parts: list[bytes]) -> None:
    values = [(value_of(algorithm, part), len(part)) for part in parts]
    assert checksums.combine_full_object(algorithm, values) == value_of(algorithm, b"".join(parts))


@pytest.mark.parametrize("algorithm", CRCS)
def test_combining_is_right_for_the_longest_objects(algorithm: Algorithm) -> None:
    value, length = value_of(algorithm, b"holdfast" * 128), 1024
    while length < 5 * 2**40:
        doubled = checksums.combine_full_object(algorithm, [(value, length)] * 2)
        assert doubled != value
        value_of_four = checksums.combine_full_object(algorithm, [(value, length)] * 4)
        assert value_of_four == checksums.combine_full_object(algorithm, [(doubled, length * 2)] * 2)
        value, length = doubled, length * 2


def test_a_composite_value_is_the_digest_of_the_raw_values_and_their_number() -> None:
    raw = [zlib.crc32(part).to_bytes(4, "big") for part in (b"a", b"b", b"c")]
    expected = b64encode(zlib.crc32(b"".join(raw)).to_bytes(4, "big")).decode() + "-3"
    assert checksums.composite("CRC32", [b64encode(value).decode() for value in raw]) == expected


def test_the_etag_of_parts_is_the_md5_of_their_md5s_and_their_number() -> None:
    md5s = [hashlib.md5(part).digest() for part in (b"a", b"b")]
    assert checksums.etag_of_parts(md5s) == hashlib.md5(b"".join(md5s)).hexdigest() + "-2"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_value_of_the_right_length_passes(algorithm: Algorithm) -> None:
    checksums.check_value(algorithm, value_of(algorithm, b"x"))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    "text", ["", "bad", "AAAA", "A===", "AAAAAA==\n", "AAAAAA== ", "\xe9AAAAA==", "AAAAAA==-3", "$$$$$$=="]
)
def test_a_malformed_value_is_refused_as_s3_refuses_it(algorithm: Algorithm, text: str) -> None:
    with pytest.raises(S3Error) as caught:
        checksums.check_value(algorithm, text)
    assert caught.value.code == "InvalidRequest"
    assert caught.value.message == f"Value for x-amz-checksum-{algorithm.lower()} header is invalid."


# 'YWJyYWNhZGFicmE=' is from ceph/s3-tests, test_object_create_bad_md5_invalid_short.
@pytest.mark.parametrize(
    "text", ["", " ", "AWS HAHAHA", "YWJyYWNhZGFicmE=", "1B2M2Y8AsgTpgAmY7PhCfg", "1B2M2Y8AsgTpgAmY7PhCfg==="]
)
def test_a_content_md5_that_is_empty_or_not_16_bytes_is_an_invalid_digest(text: str) -> None:
    with pytest.raises(S3Error) as caught:
        checksums.check_content_md5(text)
    assert (caught.value.code, caught.value.status) == ("InvalidDigest", 400)


def test_a_content_md5_gives_its_16_bytes() -> None:
    assert checksums.check_content_md5("1B2M2Y8AsgTpgAmY7PhCfg==") == hashlib.md5(b"").digest()


def test_a_request_brings_its_checksum_in_a_header_or_in_the_trailer_or_not_at_all() -> None:
    crc = value_of("CRC32", b"x")
    assert checksums.find_requested(put()) is None
    assert checksums.find_requested(put(x_amz_checksum_mode="ENABLED", x_amz_checksum_type="COMPOSITE")) is None
    assert checksums.find_requested(put(x_amz_checksum_crc32=crc)) == ChecksumClaim("CRC32", crc, False)
    both = put(x_amz_checksum_crc32=crc, x_amz_sdk_checksum_algorithm="CRC32")
    assert checksums.find_requested(both) == ChecksumClaim("CRC32", crc, False)
    trailer = put(x_amz_trailer="X-Amz-Checksum-Crc64nvme", x_amz_sdk_checksum_algorithm="crc64nvme")
    assert checksums.find_requested(trailer) == ChecksumClaim("CRC64NVME", None, True)
    assert checksums.find_requested(put(x_amz_checksum_algorithm="SHA256")) == ChecksumClaim("SHA256", None, False)


@pytest.mark.parametrize(
    "head",
    [
        put(x_amz_checksum_crc32="AAAAAA==", x_amz_checksum_sha1="AAAA"),
        put(x_amz_checksum_crc32="AAAAAA==", x_amz_trailer="x-amz-checksum-crc32"),
        put(x_amz_trailer="x-amz-checksum-crc32,x-amz-checksum-sha1"),
        put(x_amz_checksum_crc32="AAAAAA==", x_amz_sdk_checksum_algorithm="SHA1"),
        put(x_amz_trailer="x-amz-checksum-sha1", x_amz_sdk_checksum_algorithm="CRC32"),
        put(x_amz_sdk_checksum_algorithm="CRC32"),
        put(x_amz_sdk_checksum_algorithm="MD4"),
        put(x_amz_checksum_algorithm=""),
        put(x_amz_checksum_crc32="AAAA"),
        put(x_amz_checksum_crc16="AAAA"),
        put(x_amz_trailer="x-amz-checksum-crc16"),
    ],
)
def test_more_than_one_checksum_or_a_contradiction_is_an_invalid_request(head: Head) -> None:
    with pytest.raises(S3Error) as caught:
        checksums.find_requested(head)
    assert (caught.value.code, caught.value.status) == ("InvalidRequest", 400)
