"""The seed executed: JASMIN's own article, with only the names and keys filled in, at a site with its host names."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray
from tests.clients import article
from tests.clients.article import corrected, deviations, filled
from tests.clients.running import Desk
from tests.clients.site import TENANCY, Site
from tests.clients.tools import get_client
from tests.serving import Key

from holdfast.auth.roles import Role

ENDPOINTS = {"inside": "http://my-os-tenancy-o.s3.jc.rl.ac.uk", "outside": "https://my-os-tenancy-o.s3-ext.jc.rl.ac.uk"}
S3CFG = {"inside": article.S3CFG_INSIDE, "outside": article.S3CFG_OUTSIDE}
CREDENTIALS = {"inside": article.CREDENTIALS_INSIDE, "outside": article.CREDENTIALS_OUTSIDE}
SIDES = pytest.mark.parametrize("side", ["inside", "outside"])


@pytest.fixture
def person(the_site: Site, tmp_path: Path) -> Desk:
    return the_site.desk(tmp_path / "person")


@pytest.fixture
def key(the_site: Site, request: pytest.FixtureRequest) -> Key:
    """The key of a user who has a tenancy of the seed's name to themselves: its buckets have the seed's names."""
    with_buckets = the_site.store.make_key(TENANCY, "alice")
    of_all = the_site.store.make_key(TENANCY, "janitor", Role.MANAGER)
    cleaner = the_site.desk(the_site.store.home.parent / "cleaner").use("s3cmd")
    cleaner.write(".s3cfg", with_keys(article.S3CFG_INSIDE, of_all))
    cleaner.run("for b in $(s3cmd ls | cut -c19-); do s3cmd rb --force --recursive $b; done")
    return with_buckets


def with_keys(text: str, key: Key) -> str:
    return filled(text, access_key_generated_above=key.token, secret_key_generated_above=key.secret)


def test_the_table_of_deviations_names_only_what_the_article_prints() -> None:
    table = deviations()
    assert len(table) == 8
    assert set(table) <= {*article.PRINTED, *article.ELSEWHERE}
    assert set(article.ELSEWHERE) <= set(table)
    assert all(row.why.endswith((".", "`")) for row in table.values())


@SIDES
@pytest.mark.parametrize("version", ["s3cmd", "s3cmd-debian"])
def test_s3cmd_as_printed(person: Desk, key: Key, side: str, version: str) -> None:
    person.use(version)
    person.write(".s3cfg", with_keys(S3CFG[side], key))
    person.write("data.bin", b"0123456789" * 1000)
    printed: list[str] = []
    for command in article.S3CMD:
        assert command not in deviations()
        printed.append(
            person.run(
                filled(
                    command,
                    bucket_name="my-bucket",
                    file_name="back.bin" if " get " in command else "data.bin",
                    object_name="data.bin",
                )
            )
        )
    assert "s3cmd [options] COMMAND" in printed[0]
    assert printed[1] == ""
    assert "10000  s3://my-bucket/data.bin" in printed[4]
    assert (person.home / "back.bin").read_bytes() == (person.home / "data.bin").read_bytes()


@SIDES
@pytest.mark.parametrize("version", ["mc-config-host", "mc"])
def test_mc_as_printed(person: Desk, key: Key, side: str, version: str) -> None:
    mkdir, wget, chmod, path, configure, ls, cp = article.MC
    person.run(mkdir)
    assert wget in deviations()
    shutil.copy(get_client(version), person.home / "bin/mc")
    os.chmod(person.home / "bin/mc", 0o600)
    person.run(chmod)

    def mc(command: str) -> str:
        return person.run(f"{path}\n{command}")

    values = {"alias": "jasmin-store", "s3_endpoint": ENDPOINTS[side], "token": key.token, "s3_secret_key": key.secret}
    if version == "mc":
        assert person.try_(f"{path}\n{filled(configure, **values)}").returncode != 0
        configure = deviations()[configure].here
    mc(filled(configure, **values))
    person.write("data", "a temperature")
    mc("mc mb jasmin-store/my-bucket jasmin-store/different-bucket")
    mc("mc cp data jasmin-store/my-bucket/object-1")
    assert "object-1" in mc(ls)
    mc(cp)
    assert mc("mc cat jasmin-store/different-bucket/object-1") == "a temperature"
    mc("mc rm jasmin-store/my-bucket/object-1")
    assert mc(ls) == ""


_ASSUMED = """\
import json, s3fs, xarray
"""


@SIDES
def test_s3fs_as_printed(person: Desk, the_site: Site, key: Key, side: str) -> None:
    person.write("jasmin_object_store_credentials.json", with_keys(CREDENTIALS[side], key))
    trust = {"AWS_CA_BUNDLE": str(the_site.store.ca)} if side == "outside" else {}
    made = """
jasmin_s3.mkdir('my-bucket')
jasmin_s3.pipe_file('my-bucket/object-1', b'twelve bytes', ContentType='text/plain', Metadata={'instrument': 'radar'})
"""
    filesystem, _, du = article.FILESYSTEM.rpartition("\n\n")
    program = (
        _ASSUMED + filesystem + made + du.replace("    my_", "my_") + "data = b'new data'\n" + corrected(article.FILE)
    )
    program += """
print(my_object_size, file_metadata, jasmin_s3.cat('my-bucket/object-1'))
print(s3fs.S3File(jasmin_s3, 'my-bucket/object-1', mode='rb').read())
"""
    assert person.python(program, trust).splitlines() == ["12 {'instrument': 'radar'} b'new data'", "b'new data'"]


def test_what_s3fs_is_printed_to_do_fails_where_the_table_says_so(person: Desk, key: Key) -> None:
    person.write("jasmin_object_store_credentials.json", with_keys(article.CREDENTIALS_INSIDE, key))
    assert person.python(
        _ASSUMED
        + article.FILESYSTEM.rpartition("\n\n")[0]
        + """
jasmin_s3.mkdir('my-bucket')
jasmin_s3.pipe_file('my-bucket/object-1', b'old')
try:
    s3fs.S3File(jasmin_s3, 'my-bucket/object-1', mode='rb').write(b'new')
except ValueError as error:
    print(error)
file_object = s3fs.S3File(jasmin_s3, 'my-bucket/object-1', mode='wb')
file_object.write(b'new')
file_object.flush()
print(jasmin_s3.cat('my-bucket/object-1'))
file_object.close()  # else s3fs hangs at the end of the program
"""
    ).splitlines() == ["File not in write mode", "b'old'"]
    person.write("jasmin_object_store_credentials.json", with_keys(article.CREDENTIALS_OUTSIDE, key))
    untrusted = person.try_(
        ["python3", person.write("outside.py", _ASSUMED + "s3fs.S3FileSystem.retries = 1\n" + article.FILESYSTEM)],
        {"AWS_MAX_ATTEMPTS": "1"},
    )
    assert "CERTIFICATE_VERIFY_FAILED" in untrusted.stderr


@SIDES
def test_the_xarray_story_as_printed(person: Desk, the_site: Site, key: Key, side: str) -> None:
    person.write("jasmin_object_store_credentials.json", with_keys(CREDENTIALS[side], key))
    for year in (2020, 2021):
        source = xarray.Dataset(
            {"tas": (("time", "lat"), np.random.default_rng(year).random((3, 4)), {"units": "K"})},
            {
                "time": np.array([f"{year}-0{month}-15" for month in (1, 2, 3)], dtype="datetime64[ns]"),
                "lat": [0.0, 1, 2, 3],
            },
        )
        source.to_netcdf(person.home / f"tas-{year}.nc", engine="netcdf4")
    trust = {"AWS_CA_BUNDLE": str(the_site.store.ca)} if side == "outside" else {}
    program = _ASSUMED + article.FILESYSTEM.rpartition("\n\n")[0]
    program += "\njasmin_s3.mkdir('my-bucket')\nfilepath_list = ['tas-2020.nc', 'tas-2021.nc']\n"
    story = corrected(article.XARRAY)
    assert story.count("xarray.open_zarr(s3_store, consolidated=True)") == 1
    program += story.replace("xarray.open_zarr(", "back = xarray.open_zarr(")
    program += "\nxarray.testing.assert_identical(back.load(), dataset.load())\nprint(dict(back.sizes))\n"
    assert person.python(program, trust) == "{'time': 6, 'lat': 4}\n"


def test_virtual_host_style_works_at_the_seeds_names_and_the_authority_covers_them(
    person: Desk, the_site: Site, key: Key
) -> None:
    person.use("aws")
    person.write(
        ".aws/config",
        f"[default]\naws_access_key_id = {key.token}\naws_secret_access_key = {key.secret}\nregion = us-east-1\n"
        f"ca_bundle = {the_site.store.ca}\ns3 =\n    addressing_style = virtual\n",
    )
    for side, endpoint in ENDPOINTS.items():
        aws = f"aws --endpoint-url {endpoint} s3"
        person.run(f"{aws} ls s3://v-bucket || {aws} mb s3://v-bucket")
        person.run(f"echo {side} | {aws} cp - s3://v-bucket/{side}")
        assert person.run(f"{aws} cp s3://v-bucket/{side} -") == f"{side}\n"
