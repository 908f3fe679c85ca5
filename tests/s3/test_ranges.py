"""Ranges: what is asked, what is ignored, and what it means for an object of some size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.s3 import ranges
from holdfast.s3.codes import S3Error


def resolve(text: str, size_bytes: int) -> tuple[int, int] | None:
    byte_range = ranges.parse_range(text)
    assert byte_range is not None
    return ranges.resolve(byte_range, size_bytes)


@pytest.mark.parametrize(
    ("text", "size_bytes", "expected"),
    [
        ("bytes=0-9", 100, (0, 9)),
        ("bytes=0-0", 100, (0, 0)),
        ("bytes=90-", 100, (90, 99)),
        ("bytes=-10", 100, (90, 99)),
        ("bytes=-1000", 100, (0, 99)),
        ("bytes=99-1000", 100, (99, 99)),
        ("bytes=0-", 100, (0, 99)),
        ("bytes=5-99999999999999999999999999999", 100, (5, 99)),
        ("bytes=-99999999999999999999999999999", 100, (0, 99)),
        ("bytes=000000000000000000000000000001-2", 100, (1, 2)),
        ("Bytes = 1 - 2 ", 100, (1, 2)),
    ],
)
def test_a_range_means_these_bytes(text: str, size_bytes: int, expected: tuple[int, int]) -> None:
    assert resolve(text, size_bytes) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=5-4",
        "bytes=0-1,3-4",
        "bytes=0-1,",
        "bytes=--1",
        "bytes=1--2",
        "bytes=+1-2",
        "bytes=1.0-2",
        "bytes=0x1-2",
        "bytes=1_0-20",
        "bytes=١-٢",
        "bytes=²-",
        "items=0-1",
        "0-1",
    ],
)
def test_a_malformed_or_multiple_range_is_ignored(text: str) -> None:
    assert ranges.parse_range(text) is None


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("bytes=100-", 100),
        ("bytes=100-200", 100),
        ("bytes=-0", 100),
        ("bytes=-000", 100),
        ("bytes=0-", 0),
        ("bytes=0-0", 0),
        ("bytes=-0", 0),
        ("bytes=99999999999999999999999-", 100),
    ],
)
def test_a_range_without_bytes_is_refused_with_the_real_size(text: str, size_bytes: int) -> None:
    with pytest.raises(S3Error) as caught:
        resolve(text, size_bytes)
    assert (caught.value.code, caught.value.status) == ("InvalidRange", 416)
    assert caught.value.headers == {"Content-Range": f"bytes */{size_bytes}"}
    assert caught.value.details == {"RangeRequested": text, "ActualObjectSize": str(size_bytes)}


@pytest.mark.parametrize("text", ["bytes=-1", "bytes=-524288"])
def test_the_last_bytes_of_an_empty_object_are_the_whole_of_it(text: str) -> None:
    assert resolve(text, 0) is None


@given(
    data=st.binary(min_size=1, max_size=50), first=st.integers(0, 60), last=st.integers(0, 60), shape=st.integers(0, 2)
)
def test_a_range_takes_what_a_slice_takes(data: bytes, first: int, last: int, shape: int) -> None:
    text = (f"bytes={first}-{last}", f"bytes={first}-", f"bytes=-{last}")[shape]
    wanted = (data[first : last + 1], data[first:], data[-last:] if last else b"")[shape]
    if shape == 0 and last < first:
        assert ranges.parse_range(text) is None
    elif not wanted:
        with pytest.raises(S3Error):
            resolve(text, len(data))
    else:
        start, end = resolve(text, len(data))
        assert data[start : end + 1] == wanted


def test_a_copy_range_names_both_ends_and_is_never_clamped() -> None:
    assert ranges.resolve_copy_range("bytes=0-9", 10) == (0, 9)
    for text in (
        "bytes=0-10",
        "bytes=10-10",
        "bytes=0-",
        "bytes=-5",
        "0-5",
        "bytes=5-1",
        "bytes=0-1,3-4",
        "",
        "Bytes=0-1",
    ):
        with pytest.raises(S3Error) as caught:
            ranges.resolve_copy_range(text, 10)
        # AWS answers InvalidArgument for a range past the end too; ceph/s3-tests takes that or InvalidRange.
        assert (caught.value.code, caught.value.status) == ("InvalidArgument", 400)
