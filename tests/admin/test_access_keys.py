"""Access keys: their form, ends and reach, rotation and revocation."""

from __future__ import annotations

import re
from typing import Any

import pytest

from holdfast.admin.access_keys import (
    access_key_rows,
    create_access_key,
    held_key,
    keys_ending,
    last_uses,
    list_access_keys,
    revoke_access_key,
    revoke_member_keys,
    rotate_access_key,
)
from holdfast.admin.errors import Refused, Unknown
from holdfast.admin.members import add_member, remove_member
from holdfast.admin.office import DAY_US, Office
from holdfast.admin.tenancies import create_tenancy, suspend_tenancy
from holdfast.admin.users import create_user, suspend_user
from holdfast.auth.keyring import Keyring, secret_context
from holdfast.auth.roles import Role
from holdfast.catalog.rows import ACCESS_KEYS, AUDIT, BUCKETS, KEY_USES, MEMBERS, TENANCIES, USERS, BucketRow, KeyUseRow
from holdfast.config import Limits

LIMITS = Limits()


@pytest.fixture(autouse=True)
def _settled(office: Office) -> None:
    create_tenancy(office, "a-o")
    for name, role in (("mary", Role.MANAGER), ("uma", Role.USER)):
        create_user(office, name)
        add_member(office, "a-o", name, role)


def states(office: Office) -> dict[str, str]:
    with office.read() as rows:
        return {key.row.access_key_id: key.state for key in list_access_keys(rows, office.now_us())}


def test_a_pair_has_no_punctuation_and_its_secret_is_kept_sealed_alone(office: Office, keyring: Keyring) -> None:
    key = create_access_key(office, keyring, LIMITS, "a-o", "uma")
    assert re.fullmatch("[A-Z0-9]{20}", key.row.access_key_id)
    assert re.fullmatch("[A-Za-z0-9]{40}", key.secret)
    with office.read() as rows:
        row = rows.find(ACCESS_KEYS, (key.row.access_key_id,))
    assert row == key.row
    assert key.secret.encode() not in row.sealed_secret
    context = secret_context(row.tenancy_id, row.access_key_id)
    assert keyring.unseal(row.sealed_secret, row.key_version, context) == key.secret


def test_a_key_lives_90_days_or_until_its_date_or_for_ever(office: Office, keyring: Keyring, clock: Any) -> None:
    assert create_access_key(office, keyring, LIMITS, "a-o", "uma").ends_at_us == clock.now_us + 90 * DAY_US
    assert (
        create_access_key(office, keyring, LIMITS, "a-o", "uma", expires_at_us=clock.now_us + 1).ends_at_us
        == clock.now_us + 1
    )
    assert create_access_key(office, keyring, LIMITS, "a-o", "uma", expires_at_us="never").ends_at_us is None
    with pytest.raises(Refused, match="past"):
        create_access_key(office, keyring, LIMITS, "a-o", "uma", expires_at_us=clock.now_us)


def test_a_site_may_limit_the_life_of_keys(office: Office, keyring: Keyring, clock: Any) -> None:
    limits = Limits(key_life_days=30, key_life_days_max=30)
    create_access_key(office, keyring, limits, "a-o", "uma")
    for end in ("never", clock.now_us + 40 * DAY_US):
        with pytest.raises(Refused, match="at most 30 days"):
            create_access_key(office, keyring, limits, "a-o", "uma", expires_at_us=end)


def test_the_end_that_is_told_is_the_memberships_when_that_is_first(
    office: Office, keyring: Keyring, clock: Any
) -> None:
    add_member(office, "a-o", "uma", Role.USER, until_us=clock.now_us + DAY_US)
    assert create_access_key(office, keyring, LIMITS, "a-o", "uma").ends_at_us == clock.now_us + DAY_US


def test_only_a_live_member_gets_a_key(office: Office, keyring: Keyring, clock: Any) -> None:
    create_user(office, "ben")
    with pytest.raises(Refused, match="not a member"):
        create_access_key(office, keyring, LIMITS, "a-o", "ben")
    add_member(office, "a-o", "ben", Role.USER, until_us=clock.now_us + DAY_US)
    clock.pass_days(1)
    with pytest.raises(Refused, match="any more"):
        create_access_key(office, keyring, LIMITS, "a-o", "ben")
    suspend_user(office, "uma")
    with pytest.raises(Refused, match="suspended"):
        create_access_key(office, keyring, LIMITS, "a-o", "uma")


def test_a_guests_key_names_no_bucket_that_is_not_theirs(office: Office, keyring: Keyring, clock: Any) -> None:
    create_user(office, "gus")
    tenancy = add_member(office, "a-o", "gus", Role.GUEST, until_us=clock.now_us + DAY_US).tenancy_id
    for name in ("results", "other"):
        row = BucketRow(tenancy, name, f"id-{name}", "x", 0, "", "", "", "", None, None)
        office.catalog.commit([lambda rows, row=row: rows.add(BUCKETS, row)])
    add_member(office, "a-o", "gus", Role.GUEST, until_us=clock.now_us + DAY_US, buckets={"results": "read"})
    create_access_key(office, keyring, LIMITS, "a-o", "gus", buckets=["results"])
    for name in ("other", "nowhere"):
        with pytest.raises(Refused, match="not named for this GUEST"):
            create_access_key(office, keyring, LIMITS, "a-o", "gus", buckets=[name])


@pytest.mark.parametrize(
    "bad", [{"description": "a\nb"}, {"description": "x" * 201}, {"prefixes": [""]}, {"buckets": [""]}]
)
def test_a_senseless_narrowing_or_description_is_refused(office: Office, keyring: Keyring, bad: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        create_access_key(office, keyring, LIMITS, "a-o", "uma", **bad)


def test_a_rotated_key_keeps_its_facts_and_the_old_one_ends_now_or_after_the_overlap(
    office: Office, keyring: Keyring, clock: Any
) -> None:
    old = create_access_key(
        office, keyring, LIMITS, "a-o", "uma", description="job", read_only=True, buckets=["b"], prefixes=["p/"]
    )
    clock.pass_days(80)
    second = rotate_access_key(office, keyring, LIMITS, old.row.access_key_id)
    assert second.row[5:6] + second.row[9:] == old.row[5:6] + old.row[9:]
    assert second.secret != old.secret
    assert second.ends_at_us == clock.now_us + 90 * DAY_US
    third = rotate_access_key(office, keyring, LIMITS, second.row.access_key_id, overlap_us=DAY_US)
    ids = [key.row.access_key_id for key in (old, second, third)]
    assert [states(office)[each] for each in ids] == ["revoked", "active", "active"]
    clock.pass_days(1)
    assert [states(office)[each] for each in ids] == ["revoked", "expired", "active"]
    for ended in ids[:2]:
        with pytest.raises(Refused, match="revoked or expired"):
            rotate_access_key(office, keyring, LIMITS, ended)


def test_an_overlap_never_lengthens_the_life_of_the_old_key(office: Office, keyring: Keyring, clock: Any) -> None:
    old = create_access_key(office, keyring, LIMITS, "a-o", "uma", expires_at_us=clock.now_us + DAY_US)
    rotate_access_key(office, keyring, LIMITS, old.row.access_key_id, overlap_us=7 * DAY_US)
    with office.read() as rows:
        row = rows.find(ACCESS_KEYS, (old.row.access_key_id,))
    assert row is not None
    assert row.expires_at_us == clock.now_us + DAY_US


def test_revoking_is_idempotent_and_keeps_the_row(office: Office, keyring: Keyring) -> None:
    key = create_access_key(office, keyring, LIMITS, "a-o", "uma")
    for _ in range(2):
        assert revoke_access_key(office, key.row.access_key_id).state == "revoked"
    with pytest.raises(Unknown):
        revoke_access_key(office, "NOBODY")


def test_a_leavers_keys_stay_refused_when_they_join_again(office: Office, keyring: Keyring, clock: Any) -> None:
    left = create_access_key(office, keyring, LIMITS, "a-o", "uma", expires_at_us="never")
    remove_member(office, "a-o", "uma")
    assert states(office)[left.row.access_key_id] == "revoked"
    add_member(office, "a-o", "uma", Role.USER, until_us=clock.now_us + DAY_US)
    ended = create_access_key(office, keyring, LIMITS, "a-o", "uma", expires_at_us="never")
    clock.pass_days(1)
    assert states(office)[ended.row.access_key_id] == "refused"
    add_member(office, "a-o", "uma", Role.USER)
    assert set(states(office).values()) == {"revoked"}


def test_extending_a_live_membership_keeps_its_keys(office: Office, keyring: Keyring, clock: Any) -> None:
    add_member(office, "a-o", "uma", Role.USER, until_us=clock.now_us + 2 * DAY_US)
    key = create_access_key(office, keyring, LIMITS, "a-o", "uma")
    clock.pass_days(1)
    add_member(office, "a-o", "uma", Role.USER, until_us=clock.now_us + 2 * DAY_US)
    clock.pass_days(1)
    assert states(office) == {key.row.access_key_id: "active"}


def test_listing_finds_keys_by_tenancy_and_by_user(office: Office, keyring: Keyring) -> None:
    tenancy = create_tenancy(office, "b-o")
    user = add_member(office, "b-o", "uma", Role.USER).user_id
    first = create_access_key(office, keyring, LIMITS, "a-o", "uma").row.access_key_id
    second = create_access_key(office, keyring, LIMITS, "b-o", "uma").row.access_key_id
    third = create_access_key(office, keyring, LIMITS, "a-o", "mary").row.access_key_id
    suspend_tenancy(office, "b-o", "")
    with office.read() as rows:
        uma = rows.find(USERS, (user,))

        def ids(**by: Any) -> set[str]:
            return {key.row.access_key_id for key in list_access_keys(rows, office.now_us(), **by)}

        assert ids() == {first, second, third}
        assert ids(tenancy=tenancy) == {second}
        assert ids(user=uma) == {first, second}
        assert ids(tenancy=tenancy, user=uma) == {second}
    assert states(office)[second] == "refused"


def test_the_keys_of_a_tenancy_are_shown_with_the_state_that_requests_meet(
    office: Office, keyring: Keyring, clock: Any
) -> None:
    tenancy = create_tenancy(office, "b-o")
    add_member(office, "b-o", "mary", Role.MANAGER)
    uma = add_member(office, "b-o", "uma", Role.USER, until_us=clock.now_us + 20 * DAY_US).user_id
    made = []
    for user, days in (("uma", 90), ("uma", 1), ("mary", 90), ("uma", 3)):
        end = clock.now_us + days * DAY_US
        made.append(create_access_key(office, keyring, LIMITS, "b-o", user, expires_at_us=end).row)
        clock.now_us += 1
    revoke_access_key(office, made[3].access_key_id)
    clock.pass_days(2)

    def shown(**by: Any) -> list[tuple[str, str]]:
        with office.read() as rows:
            row = rows.find(TENANCIES, (tenancy.tenancy_id,))
            assert row is not None
            found = [held(rows, row, key) for key in access_key_rows(rows, row, **by)]
        return [(key.row.access_key_id, key.state) for key in sorted(found, key=lambda key: -key.row.created_at_us)]

    def held(rows: Any, tenancy: Any, key: Any) -> Any:
        member = rows.find(MEMBERS, (tenancy.tenancy_id, key.user_id))
        return held_key(key, tenancy, member, rows.find(USERS, (key.user_id,)), office.now_us())

    ids = [row.access_key_id for row in made]
    everything = [(ids[3], "revoked"), (ids[2], "active"), (ids[1], "expired"), (ids[0], "active")]
    assert shown() == everything
    assert shown(user_id=uma) == [each for each in everything if each[0] != ids[2]]
    with office.read() as rows:
        key = held(rows, tenancy, rows.find(ACCESS_KEYS, (ids[0],)))
    assert key.ends_at_us == made[0].created_at_us + 20 * DAY_US
    suspend_user(office, "uma")
    assert [state for _, state in shown()] == ["revoked", "active", "expired", "suspended"]
    suspend_tenancy(office, "b-o", "")
    assert [state for _, state in shown()] == ["revoked", "suspended", "expired", "suspended"]
    clock.pass_days(30)
    assert shown()[3] == (ids[0], "expired")
    remove_member(office, "b-o", "uma")
    assert shown()[3] == (ids[0], "revoked")


def test_a_member_may_revoke_all_keys_of_one_tenancy_at_once(office: Office, keyring: Keyring) -> None:
    tenancy = create_tenancy(office, "b-o")
    uma = add_member(office, "b-o", "uma", Role.USER).user_id
    mine = [create_access_key(office, keyring, LIMITS, "b-o", "uma").row.access_key_id for _ in range(2)]
    elsewhere = create_access_key(office, keyring, LIMITS, "a-o", "uma").row.access_key_id
    others = create_access_key(office, keyring, LIMITS, "a-o", "mary").row.access_key_id
    assert revoke_member_keys(office, tenancy.tenancy_id, uma) == 2
    assert revoke_member_keys(office, tenancy.tenancy_id, uma) == 0
    assert {each: states(office)[each] for each in (*mine, elsewhere, others)} == {
        mine[0]: "revoked",
        mine[1]: "revoked",
        elsewhere: "active",
        others: "active",
    }
    with office.read() as rows:
        audit = [row for row in rows.scan(AUDIT) if row.action == "key.revoke-all"]
    assert [(row.actor, row.tenancy_id) for row in audit] == [("cli:test", tenancy.tenancy_id)] * 2


def test_keys_that_end_soon_are_found_when_they_work_and_end_by_themselves(
    office: Office, keyring: Keyring, clock: Any
) -> None:
    def make(user: str, days: float) -> str:
        end = clock.now_us + int(days * DAY_US)
        return create_access_key(office, keyring, LIMITS, "a-o", user, expires_at_us=end).row.access_key_id

    create_access_key(office, keyring, LIMITS, "a-o", "mary", expires_at_us="never")
    ended, soon, later, revoked, before = (make("mary", days) for days in (1, 5, 20, 5, 5))
    revoke_access_key(office, revoked)
    rotate_access_key(office, keyring, LIMITS, before)
    create_user(office, "ben")
    add_member(office, "a-o", "ben", Role.USER, until_us=clock.now_us + 3 * DAY_US)
    make("ben", 4)
    suspended = make("uma", 5)
    suspend_user(office, "uma")
    clock.pass_days(1)
    with office.read() as rows:
        found = [key.row.access_key_id for _, key in keys_ending(rows, clock.now_us, clock.now_us + 7 * DAY_US)]
    assert len({ended, later, suspended}) == 3
    assert soon in found
    # The key that was made in the place of `before` lives as long as that did.
    assert len(found) == 2
    assert not set(found) & {ended, later, suspended, revoked, before}


def test_uses_are_told_of_keys_that_were_used(office: Office) -> None:
    use = KeyUseRow("AK1", 17, "192.0.2.1", "s3cmd")
    office.catalog.commit([lambda rows: rows.add(KEY_USES, use)])
    with office.read() as rows:
        assert last_uses(rows, ["AK1", "AK2"]) == {"AK1": use}
