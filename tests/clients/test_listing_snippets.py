"""The code that the portal's listing of a bucket hands out, run as it stands there: with a token's files, and without."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.clients.running import Desk
from tests.clients.site import DOMAIN, EXT_DOMAIN, TENANCY, Site
from tests.serving import Key

from holdfast.admin import client_files
from holdfast.admin.client_files import Side
from holdfast.admin.endpoints import Serving
from holdfast.auth.roles import Role
from holdfast.config import Address
from holdfast.portal.data.listing_snippets import Snippet, snippets
from holdfast.portal.tokens.handout import AUTHORITY_FILE, access_of

FOLDER = "it's 1 & more/"
WRITE = """
import sys, boto3, s3fs, xarray
url, token, secret, folder = sys.argv[1:]
client = boto3.client("s3", endpoint_url=url, aws_access_key_id=token, aws_secret_access_key=secret)
files = s3fs.S3FileSystem(key=token, secret=secret, endpoint_url=url)
data = xarray.Dataset({"tas": (("time",), [280.5, 281.5])}, {"time": [1, 2]})
for bucket in ("kept", "shown"):
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key=folder + "hello.txt", Body=b"hello")
    data.to_zarr(s3fs.S3Map(f"{bucket}/{folder}tas.zarr", s3=files), mode="w")
"""


def serving(*, secure: bool) -> Serving:
    return Serving(DOMAIN, EXT_DOMAIN, (Address("0.0.0.0", 80),), (Address("0.0.0.0", 443),) * secure, True)


@pytest.fixture(scope="module")
def key(the_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Key:
    """The key of who made two buckets with a Zarr store in each; one of them is public by the portal's own preset."""
    from holdfast.portal.data.sharing_presets import BY_NAME

    made = the_site.store.make_key(TENANCY, "lister", Role.MANAGER)
    desk = the_site.desk(tmp_path_factory.mktemp("lister"))
    desk.write("write.py", WRITE)
    desk.run(["python3", "write.py", f"http://{TENANCY}.{DOMAIN}", made.token, made.secret, FOLDER])
    with the_site.store.office() as office, office.read() as rows:
        from holdfast.admin.lookups import get_tenancy

        document = BY_NAME["public-read"].build(get_tenancy(rows, TENANCY), "shown")
    code = "import sys, boto3; boto3.client('s3', endpoint_url=sys.argv[1], aws_access_key_id=sys.argv[2], "
    code += "aws_secret_access_key=sys.argv[3]).put_bucket_policy(Bucket='shown', Policy=sys.argv[4])"
    desk.run(["python3", "-c", code, f"http://{TENANCY}.{DOMAIN}", made.token, made.secret, document])
    return made


@pytest.fixture(params=[True, False], ids=["outside", "inside"])
def secure(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def person(the_site: Site, tmp_path: Path) -> Desk:
    """Somebody with the authority's certificate and nothing else."""
    desk = Desk(
        tmp_path / "person",
        {"SSL_CERT_FILE": str(tmp_path / "person/nobody.pem")},
        prefix=[*the_site.prefix, "env", f"--chdir={tmp_path / 'person'}"],
    )
    desk.write("nobody.pem", "")
    desk.write(AUTHORITY_FILE, the_site.store.ca.read_bytes())
    return desk


def handed_out(bucket: str, prefix: str, *, secure: bool, is_public: bool, is_zarr: bool) -> Mapping[str, Snippet]:
    found = snippets(serving(secure=secure), TENANCY, "us-east-1", bucket, prefix, is_public=is_public, is_zarr=is_zarr)
    return {each.label: each for each in found}


def test_without_keys_everything_about_a_public_bucket_runs(key: Key, person: Desk, secure: bool) -> None:
    person.use("aws")
    store = handed_out("shown", f"{FOLDER}tas.zarr/", secure=secure, is_public=True, is_zarr=True)
    assert "(time: 2)" in run(person, store["xarray"])
    found = handed_out("shown", FOLDER, secure=secure, is_public=True, is_zarr=False)
    assert set(found) == {"s3fs", "AWS CLI", "curl"}
    assert f"shown/{FOLDER}hello.txt" in run(person, found["s3fs"])
    assert "hello.txt" in run(person, found["AWS CLI"])
    assert "<Key>it&apos;s 1 &amp; more/hello.txt</Key>" in run(person, found["curl"]).replace("'", "&apos;")
    for each in handed_out("shown", "", secure=secure, is_public=True, is_zarr=False).values():
        assert "it's 1 & more" in run(person, each).replace("&amp;", "&")


def test_with_the_files_of_a_token_everything_about_a_private_bucket_runs(key: Key, person: Desk, secure: bool) -> None:
    access = access_of(serving(secure=True), TENANCY, "us-east-1", key.token, key.secret)
    side = Side.OUTSIDE if secure else Side.INSIDE
    person.use("aws", "s3cmd-debian")
    person.write("credentials.json", client_files.credentials(access, side))
    person.write(".s3cfg", client_files.s3cfg(access, side))
    person.write(".aws/config", client_files.aws_config(access, side))
    person.write(".aws/credentials", client_files.aws_credentials(access, side))
    store = handed_out("kept", f"{FOLDER}tas.zarr/", secure=secure, is_public=False, is_zarr=True)
    assert "(time: 2)" in run(person, store["xarray"])
    found = handed_out("kept", FOLDER, secure=secure, is_public=False, is_zarr=False)
    assert set(found) == {"s3fs", "AWS CLI", "s3cmd"}
    for each in found.values():
        assert "hello.txt" in run(person, each), each.label


def run(person: Desk, snippet: Snippet) -> str:
    if "import" not in snippet.code:
        return person.run(snippet.code)
    person.write("snippet.py", snippet.code)
    return person.run(["python3", "snippet.py"])
