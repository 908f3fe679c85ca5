"""Whose bodies take long: what was true when the head came is asked again when the body becomes visible."""

from __future__ import annotations

import base64
import socket
from hashlib import md5
from typing import Any

import pytest

from holdfast.admin.access_keys import revoke_access_key
from holdfast.admin.quotas import set_tenancy_quota
from holdfast.admin.site import set_site_setting
from holdfast.admin.tenancies import suspend_tenancy
from holdfast.auth.callers import AGE_MAX_US
from holdfast.catalog.interface import Transaction
from holdfast.catalog.rows import BUCKETS, OBJECTS, RESERVATIONS, SITE_SETTINGS, TENANCIES, USAGE, SiteSettingRow
from holdfast.store import buckets
from holdfast.store.errors import SiteReadOnly

from .conftest import NOW_US, TENANCY, Served, Wire, serving


def begin(served: Served, size_bytes: int) -> Wire:
    """Send all of a signed PUT but its last byte, and know that it is let in."""
    wire = served.connect()
    wire.send(served.head("PUT", "/data/slow", {"content-length": str(size_bytes), "expect": "100-continue"}))
    assert wire.read().status == 100
    return wire.send(bytes(size_bytes - 1))


@pytest.mark.parametrize("size_bytes", [10, 3_000_000])
def test_a_key_that_is_revoked_while_a_body_comes_stores_nothing(size_bytes: int) -> None:
    with serving() as served:
        used_bytes = served.blobs.disk.used_bytes()
        wire = begin(served, size_bytes)
        revoke_access_key(served.office, served.token)
        answered = wire.send(b"x").read()
        assert (answered.status, answered.code) == (403, "InvalidAccessKeyId")
        wire.close()
        with served.gateway.catalog.read() as rows:
            assert not rows.scan(OBJECTS)
        assert served.blobs.disk.used_bytes() == used_bytes


def test_a_tenancy_that_is_suspended_while_a_body_comes_takes_nothing() -> None:
    with serving() as served:
        wire = begin(served, 10)
        suspend_tenancy(served.office, TENANCY, "moving house")
        assert wire.send(b"x").read().code == "TenancySuspended"
        wire.close()


def test_a_site_that_is_made_read_only_while_a_body_comes_stores_nothing() -> None:
    with serving() as served:
        used_bytes = served.blobs.disk.used_bytes()
        wire = begin(served, 10)
        set_site_setting(served.office, "read_only", "new disks")
        assert wire.send(b"x").read().code == "SiteReadOnly"
        wire.close()
        with served.gateway.catalog.read() as rows:
            assert not rows.scan(OBJECTS)
        assert served.blobs.disk.used_bytes() == used_bytes


@pytest.mark.parametrize("reason", ["", "new disks, back at 14:00 UTC"])
def test_a_read_only_site_reads_refuses_writes_and_deletes_with_the_reason_and_comes_back(reason: str) -> None:
    with serving() as served:
        served.ask("PUT", "/data/k", b"1")
        upload = served.ask("POST", "/data/parts?uploads").body.partition(b"<UploadId>")[2].partition(b"<")[0].decode()
        batch = b"<Delete><Object><Key>k</Key></Object></Delete>"
        digest = base64.b64encode(md5(batch).digest()).decode()
        set_site_setting(served.office, "read_only", reason)
        for method, path, body, headers in (
            ("PUT", "/data/k", b"2", {}),
            ("PUT", "/data/copy", b"", {"x_amz_copy_source": "data/k"}),
            ("PUT", f"/data/parts?partNumber=1&uploadId={upload}", b"2", {}),
            ("DELETE", f"/data/parts?uploadId={upload}", b"", {}),
            ("POST", "/data?delete", batch, {"content_md5": digest}),
            ("DELETE", "/data/k", b"", {}),
            ("PUT", "/another", b"", {}),
            ("DELETE", "/data", b"", {}),
        ):
            answered = served.ask(method, path, body, **headers)
            assert (answered.status, answered.code) == (403, "SiteReadOnly")
            assert f"read-only for maintenance{': ' + reason if reason else ''}. Reads work".encode() in answered.body
        assert served.ask("GET", "/data/k").body == b"1"
        assert b"<Key>k</Key>" in served.ask("GET", "/data?list-type=2").body
        set_site_setting(served.office, "read_only", None)
        assert served.ask("PUT", "/data/k", b"2").status == 200


def test_a_switch_that_a_killed_command_left_untold_counts_within_a_second() -> None:
    with serving() as served:
        assert served.ask("PUT", "/data/k", b"1").status == 200
        # As by a process that died between its commit and the raise of the generation.
        served.gateway.catalog.commit([lambda tx: tx.add(SITE_SETTINGS, SiteSettingRow("read_only", ""))])
        switches = served.gateway.switches
        served.on_loop(lambda: switches.check_writable(NOW_US + AGE_MAX_US - 1))
        with pytest.raises(SiteReadOnly):
            served.on_loop(lambda: switches.check_writable(NOW_US + AGE_MAX_US))


def test_a_quota_that_shrinks_while_a_body_comes_is_the_one_that_counts() -> None:
    with serving() as served:
        wire = begin(served, 10)
        set_tenancy_quota(served.office, TENANCY, limit_bytes=9)
        assert wire.send(b"x").read().code == "QuotaExceeded"
        wire.close()


def test_a_bucket_that_is_made_anew_before_the_reservation_gets_back_what_it_held() -> None:
    with serving() as served:
        submit = served.gateway.writer.submit

        def make_anew_first(*arguments: Any) -> Any:
            served.gateway.writer.submit = submit  # type: ignore[method-assign]
            (outcome,) = served.gateway.catalog.commit([make_bucket_anew])
            assert outcome.error is None
            return submit(*arguments)

        served.gateway.writer.submit = make_anew_first  # type: ignore[method-assign]
        wire = served.connect()
        wire.send(served.head("PUT", "/data/slow", {"content-length": str(9 << 20), "expect": "100-continue"}))
        assert wire.read().status == 100
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.read().code == "IncompleteBody"
        wire.close()
        assert served.ask("PUT", "/data/after", b"x").status == 200  # behind the release
        with served.gateway.catalog.read() as rows:
            assert [usage.reserved_bytes for usage in rows.scan(USAGE)] == [0, 0]
            assert not rows.scan(RESERVATIONS)


def make_bucket_anew(tx: Transaction) -> None:
    (bucket,) = tx.scan(BUCKETS)
    (tenancy,) = tx.scan(TENANCIES)
    buckets.remove(tx, tenancy, bucket, NOW_US)
    buckets.create(tx, bucket._replace(bucket_id="another"), 1)
