"""Code to use a bucket, or a folder in it, from programs. Each is a pure function, and each is run in the tests.

Names go in as each language quotes them, since a key may hold anything. What is public is read without keys; else the
programs read the files that a token comes with, so that no secret stands in code that people hand around.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

from holdfast.admin.client_files import Access, Side, authority_of, endpoint_of, name_of
from holdfast.admin.endpoints import Serving
from holdfast.portal.tokens.handout import access_of, has_local_authority


class Snippet(NamedTuple):
    """One tab, as components/tabs.html shows it."""

    label: str
    title: str
    code: str
    note: str = ""
    filename: str = ""


def snippets(
    serving: Serving, tenancy: str, region: str, bucket: str, prefix: str, *, is_public: bool, is_zarr: bool
) -> Sequence[Snippet]:
    """Return the code for a place in a bucket, for the side that works from everywhere where it is served."""
    access = access_of(serving, tenancy, region, "", "")
    side = Side.OUTSIDE if serving.s3_tls else Side.INSIDE
    note = "" if is_public else "It reads the file credentials.json, which you get when you make a token."
    found = []
    if is_zarr:
        found.append(Snippet("xarray", "Python: xarray", xarray(access, side, bucket, prefix, is_public), note))
    found.append(Snippet("s3fs", "Python: s3fs", s3fs(access, side, bucket, prefix, is_public), note))
    if is_public:
        found.append(Snippet("AWS CLI", "AWS command line", public_aws(access, side, bucket, prefix)))
        found.append(Snippet("curl", "curl", public_curl(access, side, bucket, prefix)))
    else:
        profile = "It uses the profile that you get when you make a token."
        found.append(Snippet("AWS CLI", "AWS command line", aws(access, side, bucket, prefix), profile))
        found.append(Snippet("s3cmd", "s3cmd", s3cmd(bucket, prefix), "It uses the file ~/.s3cfg of your token."))
    return [each._replace(note=_with_advice(each.note, access, serving, side, is_public)) for each in found]


def _with_advice(note: str, access: Access, serving: Serving, side: Side, is_public: bool) -> str:
    advice = [note] if note else []
    if is_public and side is Side.OUTSIDE and has_local_authority(serving):
        advice.append(
            f"The store's certificate is its own: {access.authority}, from the page Tokens, says whom to trust."
        )
    if is_public and side is Side.OUTSIDE and serving.s3:
        advice.append(f"On the site's own machines {access.inside} is quicker.")
    return " ".join(advice)


def s3fs(access: Access, side: Side, bucket: str, prefix: str, is_public: bool) -> str:
    """Return a program that lists a folder with s3fs."""
    return (
        _filesystem(access, side, is_public, "import s3fs\n")
        + f"for name in s3.ls({f'{bucket}/{prefix}'!r}):\n    print(name)\n"
    )


def xarray(access: Access, side: Side, bucket: str, prefix: str, is_public: bool) -> str:
    """Return a program that opens a Zarr store, of either format, with xarray and s3fs."""
    place = f"{bucket}/{prefix.removesuffix('/')}"
    return (
        _filesystem(access, side, is_public, "import s3fs\nimport xarray\n")
        + f"print(xarray.open_zarr(s3fs.S3Map({place!r}, s3=s3)))\n"
    )


def _filesystem(access: Access, side: Side, is_public: bool, imports: str) -> str:
    """Return the beginning of a program: what it imports, and a file system `s3`."""
    authority = authority_of(access, side)
    verify = f', "verify": {authority!r}' if authority else ""
    if is_public:
        before, url, keys = "", repr(endpoint_of(access, side)), "    anon=True,\n"
    else:
        before = 'with open("credentials.json") as file:\n    credentials = json.load(file)\n\n'
        imports = f"import json\n\n{imports}"
        url = 'credentials["endpoint_url"]'
        keys = '    anon=False,\n    key=credentials["token"],\n    secret=credentials["secret"],\n'
    return (
        f"{imports}\n{before}s3 = s3fs.S3FileSystem(\n{keys}"
        f'    client_kwargs={{"endpoint_url": {url}{verify}}},\n'
        '    config_kwargs={"s3": {"addressing_style": "path"}},\n)\n'
    )


def aws(access: Access, side: Side, bucket: str, prefix: str) -> str:
    """Return a line that lists a folder with the AWS command line, by the profile of a token."""
    return shlex.join(["aws", "--profile", name_of(access, side), "s3", "ls", f"s3://{bucket}/{prefix}"]) + "\n"


def public_aws(access: Access, side: Side, bucket: str, prefix: str) -> str:
    """Return a line that lists a folder with the AWS command line, without keys."""
    authority = authority_of(access, side)
    words = ["aws", "--no-sign-request", "--endpoint-url", endpoint_of(access, side)]
    words += ["--ca-bundle", authority] if authority else []
    return shlex.join([*words, "s3", "ls", f"s3://{bucket}/{prefix}"]) + "\n"


def public_curl(access: Access, side: Side, bucket: str, prefix: str) -> str:
    """Return a line that lists a folder with curl, as XML, without keys."""
    authority = authority_of(access, side)
    words = ["curl", "--fail-with-body", *(["--cacert", authority] if authority else [])]
    query = f"list-type=2&delimiter=/&prefix={quote(prefix, safe='/')}"
    return shlex.join([*words, f"{endpoint_of(access, side)}/{bucket}?{query}"]) + "\n"


def s3cmd(bucket: str, prefix: str) -> str:
    """Return a line that lists a folder with s3cmd."""
    return shlex.join(["s3cmd", "ls", f"s3://{bucket}/{prefix}"]) + "\n"
