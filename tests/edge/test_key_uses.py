"""The last use of each access key: remembered at once, written seldom, never going back, and only for who proved it."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from pathlib import Path

import pytest
from tests.serving import serve

from holdfast.admin.access_keys import KnownKey, list_access_keys
from holdfast.admin.office import Office
from holdfast.catalog.rows import KEY_USES, KeyUseRow
from holdfast.edge.key_uses import USER_AGENT_LENGTH_MAX, WRITTEN_EVERY_US, Use
from holdfast.store.errors import StorageFull

from .conftest import NOW_US, Served, raw_head, serving

ADDRESS = "127.0.0.1"


def seen(served: Served) -> dict[str, Use]:
    return served.on_loop(lambda: dict(served.gateway.key_uses.latest))


def write(served: Served, now_us: int = NOW_US) -> BaseException | None:
    """Write the uses down, and return what became of it."""
    gateway = served.gateway

    async def call() -> BaseException | None:
        written = gateway.key_uses.write(gateway.writer, now_us)
        await asyncio.wait([written])
        return written.exception()

    return asyncio.run_coroutine_threadsafe(call(), served.loop).result(20)


def written(served: Served) -> list[KeyUseRow]:
    with served.gateway.catalog.read() as rows:
        return list(rows.scan(KEY_USES))


def only_key(office: Office) -> KnownKey:
    with office.read() as rows:
        (known,) = list_access_keys(rows, office.now_us())
    return known


def note(served: Served, used_us: int, user_agent: str = "") -> None:
    uses = served.gateway.key_uses.latest
    served.on_loop(lambda: uses.__setitem__(served.token, (used_us, ADDRESS, user_agent)))


def test_a_verified_request_is_a_use_whatever_it_is_answered() -> None:
    with serving() as served:
        served.gateway.key_uses.latest.clear()
        assert served.ask("GET", "/data/none", user_agent="s3cmd/2.4").status == 404
        assert seen(served) == {served.token: (NOW_US, ADDRESS, "s3cmd/2.4")}
        assert write(served) is None
        assert written(served) == [KeyUseRow(served.token, NOW_US, ADDRESS, "s3cmd/2.4")]
        assert seen(served) == {}


def test_what_proves_nothing_is_no_use() -> None:
    with serving() as served:
        served.gateway.key_uses.latest.clear()
        wire = served.connect()
        head = served.head("GET", "/data/none", {"x-amz-meta-a": "1"})
        for tampered in (
            raw_head("GET", "/data/none", {"host": "a"}),
            head.replace(b"x-amz-meta-a: 1", b"x-amz-meta-a: 2"),
            head.replace(served.token.encode(), b"AKUNKNOWN0UNKNOWN0UN"),
        ):
            assert wire.send(tampered).read().status == 403
        wire.close()
        assert seen(served) == {}


def test_a_use_comes_from_behind_a_trusted_proxy_as_from_its_client() -> None:
    with serving(proxies=(ip_network("127.0.0.0/8"),)) as served:
        served.ask("GET", "/data", x_forwarded_for="198.51.100.7")
        assert seen(served)[served.token][1] == "198.51.100.7"


def test_a_use_never_goes_back_in_time() -> None:
    with serving() as served:
        for used_us, expected in ((NOW_US + 5, NOW_US + 5), (NOW_US, NOW_US + 5), (NOW_US + 9, NOW_US + 9)):
            note(served, used_us)
            assert write(served) is None
            assert [row.last_used_us for row in written(served)] == [expected]


def test_what_a_client_calls_itself_is_cut_and_made_one_line() -> None:
    with serving() as served:
        note(served, NOW_US, "a\x1b[31m\x85" + "x" * 500)
        assert write(served) is None
        (row,) = written(served)
        assert len(row.user_agent) == USER_AGENT_LENGTH_MAX
        assert row.user_agent.startswith("a?[31m?xxx")


def test_the_first_use_is_due_at_once_and_the_next_after_a_minute() -> None:
    with serving() as served:
        uses = served.gateway.key_uses
        write(served)
        later_us = NOW_US + WRITTEN_EVERY_US
        assert not uses.is_due(later_us)  # there is nothing to write
        note(served, NOW_US)
        assert [uses.is_due(later_us - 1), uses.is_due(later_us), uses.is_due(NOW_US - 1)] == [False, True, True]


def test_uses_that_cannot_be_written_are_kept_and_newer_ones_win() -> None:
    with serving() as served:
        gateway = served.gateway
        submit = gateway.writer.submit

        def refuse(*_: object) -> asyncio.Future[None]:
            # As when the disk is full; meanwhile another request comes.
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            future.set_exception(StorageFull())
            gateway.key_uses.latest[served.token] = (NOW_US + 2, ADDRESS, "new")
            return future

        note(served, NOW_US + 1, "old")
        served.on_loop(lambda: gateway.key_uses.latest.__setitem__("AKOTHER", (NOW_US, ADDRESS, "")))
        gateway.writer.submit = refuse  # type: ignore[method-assign,assignment]
        assert isinstance(write(served), StorageFull)
        gateway.writer.submit = submit  # type: ignore[method-assign]
        assert seen(served) == {served.token: (NOW_US + 2, ADDRESS, "new"), "AKOTHER": (NOW_US, ADDRESS, "")}


@pytest.mark.parametrize("stops", [True, False])
def test_a_served_home_writes_uses_down_by_itself_and_when_it_stops(tmp_path: Path, stops: bool) -> None:
    with serve(tmp_path / "home") as store:
        key = store.make_key("my-os-tenancy-o", "alice")
        store.client(key).list_buckets()
        if stops:
            store.client(key, user_agent_extra="last").list_buckets()
            assert store.stop() == 0
        with store.office() as office:
            known = only_key(office)
            while known.last_use is None and not stops:
                known = only_key(office)
        assert known.last_use is not None
        assert known.last_use.source_ip == "127.0.0.1"
        assert "Boto3" in known.last_use.user_agent
        assert ("last" in known.last_use.user_agent) == stops
