"""Programs that use a token, as text to copy. Each is a pure function, and each is run in the tests.

The Python ones read `credentials.json`, so that no secret stands in code that people hand around.
"""

from __future__ import annotations

import shlex
from typing import Final, NamedTuple

from holdfast.admin.client_files import Access, Side, authority_of, endpoint_of

EXAMPLE: Final = "example.zarr"


class Place(NamedTuple):
    """What the programs work on."""

    bucket: str
    prefix: str = ""
    """Below which the token reaches; empty = anywhere."""
    writes: bool = True
    """Whether the token may write: else the programs only read."""

    @property
    def key(self) -> str:
        return self.prefix + EXAMPLE


def boto3(access: Access, side: Side, place: Place) -> str:
    """Return a program that lists buckets and keys with boto3."""
    authority = authority_of(access, side)
    return f"""\
import json

import boto3
from botocore.config import Config

with open("credentials.json") as file:
    credentials = json.load(file)

s3 = boto3.client(
    "s3",
    endpoint_url=credentials["endpoint_url"],
    aws_access_key_id=credentials["token"],
    aws_secret_access_key=credentials["secret"],
    region_name={access.region!r},
    config=Config(s3={{"addressing_style": "path"}}),
{f"    verify={authority!r}," + chr(10) if authority else ""})
for bucket in s3.list_buckets()["Buckets"]:
    print(bucket["Name"])
for page in s3.get_paginator("list_objects_v2").paginate(Bucket={place.bucket!r}, Prefix={place.prefix!r}):
    for item in page.get("Contents", []):
        print(item["Key"], item["Size"])
"""


def xarray_zarr(access: Access, side: Side, place: Place, zarr_format: int) -> str:
    """Return a program that writes and opens a Zarr store of format 2 or 3 with xarray and s3fs."""
    authority = authority_of(access, side)
    client = '{"endpoint_url": credentials["endpoint_url"]' + (f', "verify": {authority!r}' if authority else "") + "}"
    target = f"{place.bucket}/{place.key}"
    writing = f"""
dataset = xarray.Dataset(
    {{"tas": (("time", "lat"), numpy.full((2, 3), 280.0), {{"units": "K"}})}},
    {{"time": [0, 1], "lat": [-45.0, 0.0, 45.0]}},
)
dataset.to_zarr(store, mode="w", zarr_format={zarr_format}, consolidated={zarr_format == 2})
"""
    return f"""\
import json

{"import numpy" + chr(10) if place.writes else ""}import s3fs
import xarray

with open("credentials.json") as file:
    credentials = json.load(file)

s3 = s3fs.S3FileSystem(
    anon=False,
    key=credentials["token"],
    secret=credentials["secret"],
    client_kwargs={client},
    config_kwargs={{"s3": {{"addressing_style": "path"}}}},
)
store = s3fs.S3Map({target!r}, s3=s3)
{writing if place.writes else ""}
print(xarray.open_zarr(store, consolidated={zarr_format == 2}))
"""


def obstore(access: Access, side: Side, place: Place) -> str:
    """Return a program that lists keys, and opens a Zarr store with xarray, through obstore."""
    client = 'client_options={"allow_http": True},' if side is Side.INSIDE else ""
    return f"""\
import json

import obstore
from obstore.store import S3Store

with open("credentials.json") as file:
    credentials = json.load(file)

store = S3Store(
    {place.bucket!r},
    endpoint=credentials["endpoint_url"],
    access_key_id=credentials["token"],
    secret_access_key=credentials["secret"],
    region={access.region!r},
{f"    {client}" + chr(10) if client else ""})
for batch in obstore.list(store, prefix={place.prefix or None!r}):
    for item in batch:
        print(item["path"], item["size"])
"""


def curl(access: Access, side: Side) -> str:
    """Return a line that lists the buckets with nothing but curl (7.75 or newer)."""
    authority = authority_of(access, side)
    words = ["curl", "--fail-with-body", "--aws-sigv4", f"aws:amz:{access.region}:s3"]
    words += ["--user", f"{access.token}:{access.secret}"]
    # curl 7.88, which Debian 12 has, signs this header but does not add it.
    words += ["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]
    words += ["--cacert", authority] if authority else []
    return shlex.join([*words, f"{endpoint_of(access, side)}/"]) + "\n"


def first_commands(place: Place) -> str:
    """Return what one types first, with s3cmd."""
    lines = ["s3cmd ls", f"s3cmd ls s3://{place.bucket}/{place.prefix}"]
    if place.writes:
        lines.append(f"s3cmd put results.nc s3://{place.bucket}/{place.prefix}")
    return "\n".join(lines) + "\n"
