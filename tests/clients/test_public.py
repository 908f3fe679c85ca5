"""What the index of a public bucket tells people to type, typed as it stands there, by somebody without an access key."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.clients.running import Desk
from tests.clients.site import DOMAIN, EXT_DOMAIN, TENANCY, Site

from holdfast.auth.roles import Role

ACCEPT = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_BLOCK = re.compile(r'<pre tabindex="0" role="region" aria-labelledby="(\w+)">(.*?)</pre>', re.S)
WRITE = """
import boto3, sys, xarray, s3fs
client = boto3.client("s3", endpoint_url=sys.argv[1], aws_access_key_id=sys.argv[2], aws_secret_access_key=sys.argv[3])
client.create_bucket(Bucket="published")
client.put_object(Bucket="published", Key="cmip6/it's 1 & more.txt", Body=b"hello\\n")
client.put_bucket_policy(Bucket="published", Policy=sys.argv[4])
files = s3fs.S3FileSystem(key=sys.argv[2], secret=sys.argv[3], endpoint_url=sys.argv[1])
data = xarray.Dataset({"tas": (("time",), [280.5, 281.5])}, {"time": [1, 2]})
data.to_zarr(s3fs.S3Map("published/cmip6/tas.zarr", s3=files), mode="w")
"""


@pytest.fixture(scope="module")
def publisher(the_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Somebody who made a bucket public, with a Zarr store and a text in it."""
    key = the_site.store.make_key(TENANCY, "publisher", Role.MANAGER)
    desk = the_site.desk(tmp_path_factory.mktemp("publisher"))
    statement = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"]}
    policy = json.dumps({"Statement": [{**statement, "Resource": ["published", "published/*"]}]})
    desk.write("write.py", WRITE)
    desk.run(["python3", "write.py", f"http://{TENANCY}.{DOMAIN}", key.token, key.secret, policy])
    return desk


@pytest.fixture
def visitor(the_site: Site, publisher: Desk, tmp_path: Path) -> Desk:
    return the_site.desk(tmp_path / "visitor").use("aws")


def snippets_of(desk: Desk, url: str) -> Mapping[str, str]:
    page = desk.run(["curl", "--fail", "--silent", "--header", ACCEPT, url])
    return {name: html.unescape(text) for name, text in _BLOCK.findall(page)}


@pytest.mark.parametrize("endpoint", [f"http://{TENANCY}.{DOMAIN}", f"https://{TENANCY}.{EXT_DOMAIN}"])
def test_every_snippet_of_an_index_runs_as_it_stands_there(visitor: Desk, the_site: Site, endpoint: str) -> None:
    # Python brings a list of authorities of its own, and the AWS CLI too.
    trust = {"AWS_CA_BUNDLE": str(the_site.store.ca)} if endpoint.startswith("https") else {}
    snippets = snippets_of(visitor, f"{endpoint}/published/cmip6/")
    assert list(snippets) == ["python", "curl", "aws"]
    visitor.write("snippet.py", snippets["python"])
    said = visitor.run(["python3", "snippet.py"], trust)
    assert "published/cmip6/it's 1 & more.txt" in said
    assert "tas" in said
    assert "(time: 2)" in said
    said = visitor.run(snippets["curl"])
    assert "<Key>cmip6/it's 1 &amp; more.txt</Key>" in said
    assert (visitor.home / "object").read_text() == "hello\n"
    said = visitor.run(snippets["aws"], trust)
    assert "tas.zarr/" in said
    assert "it's 1 & more.txt" in said


def test_the_index_of_the_bucket_and_of_a_store_say_how_to_open_the_store(visitor: Desk) -> None:
    inside = snippets_of(visitor, f"http://{TENANCY}.{DOMAIN}/published/cmip6/tas.zarr/")
    visitor.write("snippet.py", inside["python"])
    assert "(time: 2)" in visitor.run(["python3", "snippet.py"])
    top = snippets_of(visitor, f"http://{TENANCY}.{DOMAIN}/published")
    assert "xarray" not in top["python"]
    visitor.write("snippet.py", top["python"])
    assert visitor.run(["python3", "snippet.py"]) == "['published/cmip6']\n"


def test_curl_without_more_gets_what_s3_says(visitor: Desk) -> None:
    endpoint = f"http://{TENANCY}.{DOMAIN}"
    assert "<ListBucketResult" in visitor.run(f"curl --fail --silent {endpoint}/published")
    name = quote("it's 1 & more.txt")
    assert visitor.run(f"curl --fail --silent --header '{ACCEPT}' {endpoint}/published/cmip6/{name}") == "hello\n"
