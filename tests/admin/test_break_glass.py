"""Break-glass: what it gives, for how long, and what it never gives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.admin.conftest import Clock

from holdfast.admin.access_keys import create_access_key, get_access_key
from holdfast.admin.audit import Sought, search_audit
from holdfast.admin.break_glass import close_break_glass, open_break_glass, open_glasses
from holdfast.admin.errors import Refused
from holdfast.admin.members import add_member
from holdfast.admin.office import Office
from holdfast.admin.tenancies import create_tenancy
from holdfast.admin.users import create_user
from holdfast.auth.keyring import Keyring
from holdfast.auth.roles import Role
from holdfast.catalog.rows import BUCKETS, BucketRow
from holdfast.config import Limits

REASON = "ticket 4711: the owner can't read results/2026 any more"


@pytest.fixture
def site(office: Office) -> Office:
    tenancy = create_tenancy(office, "a-o")
    owner = create_user(office, "uma")
    create_user(office, "olga")
    add_member(office, "a-o", "uma", Role.MANAGER)
    rows = [
        BucketRow(tenancy.tenancy_id, name, f"id-{name}", owner.user_id, 1, "", "", "", "", None, None) for name in "ab"
    ]
    office.catalog.commit([lambda changes: [changes.add(BUCKETS, row) for row in rows]])
    return office


def test_the_access_is_a_guests_to_the_named_buckets_until_it_ends(site: Office, clock: Clock) -> None:
    row = open_break_glass(site, "a-o", "olga", reason=REASON, minutes=60, buckets=["a"])
    assert (row.role, row.source, json.loads(row.buckets)) == ("GUEST", "break-glass", {"id-a": "read"})
    assert row.until_us == clock.now_us + 3_600_000_000
    with site.read() as rows:
        tenancy = rows.scan(BUCKETS)[0].tenancy_id
        (audited,) = search_audit(rows, Sought(action="break-glass.", tenancy_id=tenancy), 10).rows
    assert json.loads(audited.detail)["reason"] == REASON


def test_without_names_all_buckets_that_are_there_are_meant(site: Office) -> None:
    row = open_break_glass(site, "a-o", "olga", reason=REASON, minutes=15, access="write")
    assert json.loads(row.buckets) == {"id-a": "write", "id-b": "write"}


@pytest.mark.parametrize(
    "bad", [{"reason": "because"}, {"reason": " " * 40}, {"minutes": 14}, {"minutes": 481}, {"buckets": ["absent"]}]
)
def test_a_reason_that_says_nothing_and_a_time_out_of_bounds_are_refused(site: Office, bad: dict[str, Any]) -> None:
    from holdfast.admin.errors import AdminError

    with pytest.raises(AdminError):
        open_break_glass(site, "a-o", "olga", **{"reason": REASON, "minutes": 60, **bad})


def test_it_never_changes_a_membership_and_is_opened_once(site: Office) -> None:
    with pytest.raises(Refused, match="MANAGER"):
        open_break_glass(site, "a-o", "uma", reason=REASON, minutes=60)
    open_break_glass(site, "a-o", "olga", reason=REASON, minutes=60)
    with pytest.raises(Refused, match="already"):
        open_break_glass(site, "a-o", "olga", reason=REASON, minutes=60)
    assert close_break_glass(site, "a-o", "uma") is False
    with site.read() as rows:
        tenancy = rows.scan(BUCKETS)[0].tenancy_id
        from holdfast.catalog.rows import MEMBERS

        assert {row.role for row in rows.scan(MEMBERS, (tenancy,))} == {"MANAGER", "GUEST"}


def test_its_end_ends_the_keys_made_under_it(site: Office, clock: Clock, keyring: Keyring) -> None:
    from holdfast.admin.lookups import get_tenancy

    open_break_glass(site, "a-o", "olga", reason=REASON, minutes=60)
    key = create_access_key(site, keyring, Limits(), "a-o", "olga")
    with site.read() as rows:
        assert len(open_glasses(rows, get_tenancy(rows, "a-o"), clock.now_us)) == 1
    assert close_break_glass(site, "a-o", "olga") is True
    with site.read() as rows:
        assert open_glasses(rows, get_tenancy(rows, "a-o"), clock.now_us) == []
        assert get_access_key(rows, key.row.access_key_id).state == "revoked"
    # Who breaks the glass again does not revive them.
    clock.pass_days(1)
    open_break_glass(site, "a-o", "olga", reason=REASON, minutes=60)
    with site.read() as rows:
        assert get_access_key(rows, key.row.access_key_id).state == "revoked"
