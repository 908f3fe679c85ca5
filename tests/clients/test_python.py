"""boto3, botocore and s3fs with their defaults, http and https: what sends checksums in headers, and in trailers."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import boto3
import botocore.session
import pytest
import requests
import s3fs  # type: ignore[import-untyped]
from tests.serving import Key, Store


@pytest.fixture(params=["inside", "outside"])
def place(request: pytest.FixtureRequest, store: Store, key: Key, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the defaults don't know: the endpoint and the key."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(store.ca))
    return {
        "endpoint_url": store.endpoint_url if request.param == "inside" else store.secure_endpoint_url,
        "aws_access_key_id": key.token,
        "aws_secret_access_key": key.secret,
    }


def test_boto3_with_its_defaults(place: dict[str, str], bucket: str) -> None:
    client = boto3.client("s3", **place)  # type: ignore[call-overload]
    client.create_bucket(Bucket=bucket)
    put = client.put_object(Bucket=bucket, Key="a", Body=b"temperature", Metadata={"instrument": "radar"})
    assert put["ChecksumCRC32"]
    assert put["ETag"] == f'"{hashlib.md5(b"temperature").hexdigest()}"'
    got = client.get_object(Bucket=bucket, Key="a")
    assert got["Body"].read() == b"temperature"
    assert got["Metadata"] == {"instrument": "radar"}
    assert "aws-chunked" not in got.get("ContentEncoding", "")
    assert [each["Key"] for each in client.list_objects_v2(Bucket=bucket)["Contents"]] == ["a"]
    assert client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}]})["Deleted"] == [{"Key": "a"}]
    client.delete_bucket(Bucket=bucket)


def test_boto3_transfers_in_parts_and_resources(place: dict[str, str], bucket: str, tmp_path: Any) -> None:
    data = os.urandom(20 * 1024 * 1024)
    (tmp_path / "big").write_bytes(data)
    resource = boto3.resource("s3", **place)  # type: ignore[call-overload]
    resource.create_bucket(Bucket=bucket)
    resource.Bucket(bucket).upload_file(str(tmp_path / "big"), "big")
    resource.Bucket(bucket).copy({"Bucket": bucket, "Key": "big"}, "copy")
    resource.Bucket(bucket).download_file("copy", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == data
    assert resource.Object(bucket, "big").e_tag.endswith('-3"')
    resource.Bucket(bucket).objects.all().delete()
    assert list(resource.Bucket(bucket).objects.all()) == []


def test_presigned_urls_of_boto3_work_when_made_by_version_4(place: dict[str, str], bucket: str, store: Store) -> None:
    client = boto3.client("s3", config=boto3.session.Config(signature_version="s3v4"), **place)  # type: ignore[call-overload, attr-defined]
    client.create_bucket(Bucket=bucket)
    target = {"Bucket": bucket, "Key": "a b/ü"}
    put = client.generate_presigned_url("put_object", Params=target)
    assert requests.put(put, data=b"shared", verify=str(store.ca)).status_code == 200
    got = requests.get(client.generate_presigned_url("get_object", Params=target), verify=str(store.ca))
    assert got.content == b"shared"
    old = boto3.client("s3", region_name="us-east-1", **place).generate_presigned_url("get_object", Params=target)  # type: ignore[call-overload]
    refused = requests.get(old, verify=str(store.ca))
    assert refused.status_code == 400
    assert "Please use AWS4-HMAC-SHA256" in refused.text


def test_botocore_alone_with_its_defaults(place: dict[str, str], bucket: str) -> None:
    client: Any = botocore.session.get_session().create_client("s3", region_name="us-east-1", **place)  # type: ignore[arg-type]
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="a", Body=b"1")
    pages = client.get_paginator("list_objects").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1})
    assert [each["Key"] for page in pages for each in page["Contents"]] == ["a"]
    with pytest.raises(client.exceptions.NoSuchKey):
        client.get_object(Bucket=bucket, Key="absent")


@pytest.fixture
def filesystem(place: dict[str, str]) -> s3fs.S3FileSystem:
    return s3fs.S3FileSystem(
        key=place["aws_access_key_id"],
        secret=place["aws_secret_access_key"],
        client_kwargs={"endpoint_url": place["endpoint_url"]},
        skip_instance_cache=True,
    )


def test_s3fs_files_maps_and_totals(filesystem: s3fs.S3FileSystem, bucket: str) -> None:
    filesystem.mkdir(bucket)
    with filesystem.open(f"{bucket}/a/b.bin", "wb", block_size=5 * 2**20) as file:
        for _ in range(3):
            file.write(bytes(4 * 2**20))
            file.flush()
    filesystem.pipe(f"{bucket}/a/empty", b"")
    assert filesystem.du(f"{bucket}/a") == 12 * 2**20
    assert filesystem.du(f"{bucket}/a/b.bin") == 12 * 2**20
    with filesystem.open(f"{bucket}/a/b.bin", "rb") as file:
        file.seek(-3, os.SEEK_END)
        assert file.read() == bytes(3)
        assert file.metadata(refresh=True) == {}
    assert filesystem.cat_ranges([f"{bucket}/a/b.bin"] * 2, [0, 5], [2, 9]) == [bytes(2), bytes(4)]
    mapping = s3fs.S3Map(f"{bucket}/map", s3=filesystem)
    mapping["x/y"] = b"1"
    mapping["z"] = b"2"
    assert sorted(mapping) == ["x/y", "z"]
    assert mapping.getitems(["x/y", "absent"], on_error="omit") == {"x/y": b"1"}
    del mapping["z"]
    filesystem.copy(f"{bucket}/map/x/y", f"{bucket}/copy")
    filesystem.mv(f"{bucket}/copy", f"{bucket}/moved")
    filesystem.invalidate_cache()
    assert sorted(filesystem.find(bucket)) == [
        f"{bucket}/{name}" for name in ("a/b.bin", "a/empty", "map/x/y", "moved")
    ]
    assert filesystem.glob(f"{bucket}/a/*.bin") == [f"{bucket}/a/b.bin"]
    filesystem.rm(bucket, recursive=True)
    assert not filesystem.exists(bucket)
