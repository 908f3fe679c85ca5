"""`holdfast demo`: what it makes, what it prints to be tried, and that it takes up where it was."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import xarray
from tests.clients.running import Desk
from tests.clients.tools import ROOT
from tests.serving import CannotStart, holdfast, serve, started

from holdfast.cli.demo.dataset import NETCDF, ZARR, items

ANY_PORT = {"HOLDFAST_S3": "127.0.0.1:0", "HOLDFAST_S3_TLS": "127.0.0.1:0", "HOLDFAST_PORTAL": "127.0.0.1:0"}


def demo(home: Path, **environment: str) -> Any:
    words = ["demo", "--home", str(home), "--json"]
    return started(words, home.with_name("demo.log"), environment=ANY_PORT | environment)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with demo(tmp_path_factory.mktemp("a demo") / "home") as (_, facts):
        yield facts


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "person")


def test_the_netcdf_file_and_the_zarr_store_hold_the_same_dataset(tmp_path: Path) -> None:
    for item in items():
        path = tmp_path / item.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(item.data)
    with xarray.open_dataset(tmp_path / NETCDF, engine="netcdf4") as netcdf:
        zarr = xarray.open_zarr(tmp_path / ZARR, consolidated=True)
        xarray.testing.assert_identical(zarr.load(), netcdf.load())
    assert zarr.tas.dims == ("time", "lat", "lon")
    assert zarr.time.dtype.kind == "M"
    assert 230 < float(zarr.tas.min()) < 260 < 295 < float(zarr.tas.max()) < 320
    assert np.isfinite(zarr.tas).all()


@pytest.mark.client
def test_each_of_the_three_things_to_try_works_as_printed(running: dict[str, Any], desk: Desk) -> None:
    desk.use("s3cmd-debian")
    assert len(running["try"]) == 3
    printed = [desk.run("\n".join(["set -e", *each["commands"]])) for each in running["try"]]
    assert (desk.home / "tas.nc").read_bytes().startswith(b"CDF")
    assert "s3://climate/from-bob.txt" in printed[1]
    assert "Near-surface" in printed[2] or "tas" in printed[2]


@pytest.mark.client
@pytest.mark.parametrize("user", ["alice", "bob"])
def test_every_file_that_the_demo_writes_works_in_its_client(running: dict[str, Any], desk: Desk, user: str) -> None:
    desk.use("s3cmd", "aws", "rclone", "mc")
    folder = running["members"][user]["files"]
    quoted = f"'{folder}'"
    lists = [
        f"s3cmd -c {quoted}/s3cfg ls s3://climate",
        f"s3cmd -c {quoted}/s3cfg-ext ls s3://climate",
        f"AWS_CONFIG_FILE={quoted}/aws-config aws --profile demo s3 ls s3://climate",
        f"AWS_CONFIG_FILE={quoted}/aws-config aws --profile demo-ext s3 ls s3://climate",
        f". {quoted}/env && aws s3 ls s3://climate",
        f". {quoted}/env && rclone ls demo:climate",
        f". {quoted}/env && rclone ls demo-ext:climate",
        f". {quoted}/mc-alias >mc.log && mc ls demo/climate",
        "mc ls demo-ext/climate",
    ]
    for line in lists:
        assert NETCDF in desk.run(line), line
    assert "/climate/tas.nc?X-Amz-Algorithm=AWS4" in desk.run(
        f"AWS_CONFIG_FILE={quoted}/aws-config aws --profile demo s3 presign s3://climate/tas.nc"
    )


def test_what_the_demo_writes_is_closed_to_others_and_has_the_shape_of_the_seeds(running: dict[str, Any]) -> None:
    folder = Path(running["members"]["alice"]["files"])
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 16
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    credentials = json.loads((folder / "credentials.json").read_text())
    assert list(credentials) == ["token", "secret", "endpoint_url"]
    assert credentials["endpoint_url"] == running["inside"]
    assert json.loads((folder / "credentials-ext.json").read_text())["endpoint_url"] == running["outside"]


def test_the_demo_run_again_has_the_same_keys_and_the_data_as_it_was_left(tmp_path: Path) -> None:
    import boto3

    home = tmp_path / "home"

    def keys() -> list[str]:
        return [json.loads((home / "demo" / who / "credentials.json").read_text())["token"] for who in ("", "bob")]

    def client(facts: dict[str, Any]) -> Any:
        given = json.loads((home / "demo/credentials.json").read_text())
        return boto3.client(
            "s3",
            endpoint_url=given["endpoint_url"],
            aws_access_key_id=given["token"],
            aws_secret_access_key=given["secret"],
            region_name="us-east-1",
        )

    with demo(home) as (process, facts):
        before = keys()
        client(facts).put_object(Bucket="climate", Key=NETCDF, Body=b"mine")
        client(facts).delete_object(Bucket="climate", Key=f"{ZARR}/.zgroup")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    with demo(home) as (_, facts):
        assert keys() == before
        assert client(facts).get_object(Bucket="climate", Key=NETCDF)["Body"].read() == b"mine"
        client(facts).head_object(Bucket="climate", Key=f"{ZARR}/.zgroup")
        subprocess.run(holdfast("key", "revoke", before[0], "--home", home), check=True, capture_output=True)
    with demo(home) as (_, facts):
        assert keys()[1] == before[1]
        assert keys()[0] != before[0]
        client(facts).head_bucket(Bucket="climate")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_in_another_users_clone_the_script_says_so_in_one_sentence() -> None:
    with tempfile.TemporaryDirectory() as made:
        clone = Path(made)
        (clone / ".venv/bin").mkdir(parents=True)
        (clone / ".venv").chmod(0o700)
        clone.chmod(0o755)
        shutil.copy(ROOT / "demo", clone / "demo")
        said = subprocess.run(["./demo"], cwd=clone, user=65534, capture_output=True, text=True, check=False)
        assert said.returncode == 1
        assert said.stderr == f"{clone} is another user's: clone the repository for yourself, and run ./demo there.\n"


def test_a_taken_port_becomes_the_next_free_one_and_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demo(tmp_path / "home", HOLDFAST_S3=f"127.0.0.1:{port}") as (_, facts):
            assert port < int(facts["inside"].rpartition(":")[2]) <= port + 100
            assert facts["moved"] == [f"127.0.0.1:{port} is taken, so it is {facts['inside'].removeprefix('http://')}"]


def visit(facts: dict[str, Any], link: str) -> requests.Session:
    """Open a link in a new browser, and press its button."""
    session = requests.Session()
    session.verify = facts["ca"]
    page = session.get(link, timeout=60)
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    session.post(link, data={"csrfmiddlewaretoken": token[-1]}, headers={"Referer": link}, timeout=60)
    return session


def test_the_demo_lets_a_researcher_a_manager_and_an_operator_into_the_portal_once_each(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with demo(home) as (_, facts):
        links = {each["user"]: each["link"] for each in facts["log_in"]}
        assert list(links) == ["bob", "alice", "olga"]
        for user, link in links.items():
            assert link.startswith(facts["portal"] + "/login-link/")
            session = visit(facts, link)
            assert user in session.get(f"{facts['portal']}/account/", timeout=60).text
            tenancy = session.get(f"{facts['portal']}/tenancies/{facts['tenancy']}/", timeout=60)
            assert tenancy.status_code == 200
            runs_it = session.get(f"{facts['portal']}/operators/", timeout=60).status_code == 200
            assert runs_it is (user == "olga")
        assert "This link does not work any more" in requests.get(links["bob"], verify=facts["ca"], timeout=60).text
        unused = subprocess.run(
            holdfast("user", "list", "--home", home, "--json"), check=True, capture_output=True, text=True
        )
        assert {user["name"] for user in json.loads(unused.stdout)} == {"alice", "bob", "olga"}
    with demo(home) as (_, facts):
        again = {each["user"]: each["link"] for each in facts["log_in"]}
        assert not set(again.values()) & set(links.values())
        session = visit(facts, again["bob"])
        assert "bob" in session.get(f"{facts['portal']}/account/", timeout=60).text


def test_the_line_for_another_terminal_leads_commands_to_the_demos_home(running: dict[str, Any], desk: Desk) -> None:
    # The test may run on an interpreter that has no `activate`; the demo's script always makes one.
    line = running["shell"].rpartition("; ")[2]
    words = " ".join(f"'{word}'" for word in holdfast("tenancy", "list", "--json"))
    assert [each["name"] for each in json.loads(desk.run(f"{line}\n{words}"))] == [running["tenancy"]]


def test_pages_of_the_demo_name_a_support(running: dict[str, Any]) -> None:
    page = requests.get(f"{running['portal']}/account/login/", verify=running["ca"], timeout=60)
    assert "support@demo.invalid" in page.text


def test_the_demo_starts_again_whatever_was_suspended_or_made_read_only(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with demo(home):
        for words in (
            ("user", "suspend", "bob"),
            ("user", "suspend", "olga"),
            ("tenancy", "suspend", "my-os-tenancy-o", "--reason", "to try it"),
            ("site", "read-only", "on", "--reason", "to try it"),
        ):
            done = subprocess.run(holdfast(*words, "--home", home), check=False, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
    with demo(home) as (_, facts):
        assert facts["notes"][:3] == [
            "tenancy my-os-tenancy-o was suspended: it is resumed",
            "bob was suspended: resumed",
            "olga was suspended: resumed",
        ]
        assert "SiteReadOnly" in facts["notes"][3]
        for each in facts["log_in"]:
            page = visit(facts, each["link"]).get(f"{facts['portal']}/account/", timeout=60)
            assert each["user"] in page.text


def test_no_two_of_the_demos_ports_are_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        address = f"127.0.0.1:{port}"
        with demo(tmp_path / "home", HOLDFAST_S3=address, HOLDFAST_S3_TLS=address, HOLDFAST_PORTAL=address) as (
            _,
            facts,
        ):
            found = {facts[name].rpartition(":")[2] for name in ("inside", "outside", "portal")}
            assert len(found | {str(port)}) == 4


def test_the_demo_keeps_away_from_a_store_that_is_somebodys_own(tmp_path: Path) -> None:
    with serve(tmp_path / "home"):
        pass
    with pytest.raises(CannotStart, match="didn't make"):
        with demo(tmp_path / "home"):
            pass
    words = holdfast("demo", "--help")
    assert "demo-home" in subprocess.run(words, check=True, capture_output=True, text=True).stdout
