"""The port of the seed system's portal: every way in leads to the portal that is, also when a worker has died."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serving import CannotStart, Store, serve

from .conftest import Answered, Wire, raw_head
from .test_supervisor import wait_until, workers_of

SEED = "my-os-tenancy-o.s3.jc.rl.ac.uk"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    home = tmp_path_factory.mktemp("former") / "home"
    options = ("--legacy-portal", "127.0.0.1:0", "--domain", "s3.jc.rl.ac.uk", "--ext-domain", "s3-ext.jc.rl.ac.uk")
    with serve(home, *options, portal=("127.0.0.1:0",), workers=2) as found:
        yield found


def port_of(store: Store, name: str) -> int:
    return int(store.facts[name][0].rpartition(":")[2])


def ask(store: Store, target: str, host: str, method: str = "GET", setting: str = "legacy_portal") -> Answered:
    wire = Wire(port_of(store, setting))
    try:
        return wire.send(raw_head(method, target, {"host": host})).read(is_head=method == "HEAD")
    finally:
        wire.close()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/_admin/portal", "/_admin/portal/", "/", "/_admin/portal/index.html?x=1"])
def test_the_seeds_address_leads_to_the_tenancys_page(store: Store, path: str, method: str) -> None:
    page = f"{store.facts['portal_url']}/tenancies/my-os-tenancy-o/"
    assert page.startswith("https://localhost:")
    answered = ask(store, path, f"{SEED}:81", method)
    assert (answered.status, answered.headers["location"]) == (302, page)


def test_without_the_port_the_seeds_address_leads_there_too(store: Store) -> None:
    answered = ask(store, "/_admin/portal", SEED, setting="s3")
    assert answered.headers["location"] == f"{store.facts['portal_url']}/tenancies/my-os-tenancy-o/"


@pytest.mark.parametrize("host", ["s3.jc.rl.ac.uk:81", "127.0.0.1:81", "a_b.s3.jc.rl.ac.uk", "evil.example"])
def test_a_host_that_names_no_tenancy_leads_to_the_portal_itself(store: Store, host: str) -> None:
    assert ask(store, "/_admin/portal", host).headers["location"] == f"{store.facts['portal_url']}/"


@pytest.mark.parametrize(
    "path", ["/_admin/manage/tenants", "/data/key", "/.TOKEN/", "//evil.example", "/_admin/portals"]
)
def test_any_other_path_is_not_found_and_says_where_the_portal_is(store: Store, path: str) -> None:
    answered = ask(store, path, f"{SEED}:81")
    assert (answered.status, answered.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert f'<a href="{store.facts["portal_url"]}/tenancies/my-os-tenancy-o/">' in answered.body.decode()
    assert "default-src 'none'" in answered.headers["content-security-policy"]


def test_s3_answers_the_portals_origin_by_the_port_that_it_really_got(store: Store) -> None:
    origin = store.facts["portal_url"]
    wire = Wire(port_of(store, "s3"))
    answered = wire.send(raw_head("GET", "/absent/key", {"host": SEED, "origin": origin})).read()
    assert answered.headers["access-control-allow-origin"] == origin
    wire.close()


def test_nothing_is_taken_there(store: Store) -> None:
    for method in ("PUT", "POST", "DELETE", "OPTIONS"):
        answered = ask(store, "/_admin/portal", SEED, method)
        assert (answered.status, answered.headers["allow"]) == (405, "GET, HEAD")


def test_what_is_no_http_is_refused(store: Store) -> None:
    wire = Wire(port_of(store, "legacy_portal"))
    assert wire.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").read().status == 400
    assert wire.is_closed()
    wire.close()


def test_it_is_counted_as_a_signpost_and_stands_in_the_access_log(store: Store) -> None:
    ask(store, "/counted", f"{SEED}:81")
    text = ask(store, "/_admin/metrics", "127.0.0.1", setting="s3").body.decode()
    assert 'holdfast_requests_total{operation="Signpost",status="4xx"}' in text
    log = store.home / "log" / "access.log"
    wait_until(lambda: '"path":"/counted"' in log.read_text())


def test_its_sockets_outlive_a_worker(store: Store) -> None:
    wait_until(lambda: len(workers_of(store, 2)) == 2)
    before = workers_of(store, 2)
    os.kill(min(before), signal.SIGKILL)
    for _ in range(20):
        assert ask(store, "/", SEED).status == 302
    wait_until(lambda: len(workers_of(store, 2) - before) == 1)


def test_it_needs_a_portal_to_lead_to(tmp_path: Path) -> None:
    with pytest.raises(
        CannotStart, match="--legacy-portal leads to the portal, and there is none: say where with --portal"
    ):
        with serve(tmp_path / "home", "--legacy-portal", "127.0.0.1:0"):
            pass
