"""Keys that the portal makes for itself: never shown as tokens, never wider or longer than their member."""

from __future__ import annotations

import pytest

from holdfast.admin.access_keys import create_access_key, list_access_keys, rotate_access_key
from holdfast.admin.errors import Refused, Taken, Unknown
from holdfast.admin.internal_keys import (
    LINKS_MAX,
    PORTAL_LIFE_US,
    create_link_key,
    create_portal_key,
    find_portal_key,
    forget_ended,
    list_links,
    revoke_link,
    revoke_portal_keys,
)
from holdfast.admin.key_kinds import LINK, PORTAL, is_internal
from holdfast.admin.lookups import get_tenancy, get_user
from holdfast.admin.members import add_member, remove_member
from holdfast.admin.office import DAY_US, Office
from holdfast.admin.tenancies import create_tenancy
from holdfast.admin.users import create_user, suspend_user
from holdfast.auth.callers import Callers
from holdfast.auth.keyring import Keyring
from holdfast.auth.roles import Role
from holdfast.catalog.rows import ACCESS_KEYS, AUDIT, KEY_USES, KeyUseRow, TenancyRow
from holdfast.config import Limits

from .conftest import Clock


@pytest.fixture
def tenancy(office: Office) -> TenancyRow:
    """A tenancy with a MANAGER, mary, and a USER, uma."""
    create_tenancy(office, "a-o")
    for name, role in (("mary", Role.MANAGER), ("uma", Role.USER)):
        create_user(office, name)
        add_member(office, "a-o", name, role)
    with office.read() as rows:
        return get_tenancy(rows, "a-o")


def id_of(office: Office, name: str) -> str:
    with office.read() as rows:
        return get_user(rows, name).user_id


def signs(office: Office, keyring: Keyring, access_key_id: str) -> bool:
    """Whether S3 takes this key now."""
    found = Callers(keyring).find(office.catalog.read, access_key_id, "a-o", office.now_us(), office.generation.value())
    return found is not None


def test_a_key_of_a_log_in_signs_for_its_person_and_is_found_again(
    office: Office, keyring: Keyring, tenancy: TenancyRow
) -> None:
    uma = id_of(office, "uma")
    made = create_portal_key(office, keyring, tenancy, uma)
    assert made.access_key_id.startswith(PORTAL)
    assert signs(office, keyring, made.access_key_id)
    with office.read() as rows:
        assert find_portal_key(rows, keyring, tenancy.tenancy_id, uma, office.now_us()) == made
        assert find_portal_key(rows, keyring, tenancy.tenancy_id, id_of(office, "mary"), office.now_us()) is None


def test_a_key_that_ends_too_soon_is_not_used_again(
    office: Office, keyring: Keyring, tenancy: TenancyRow, clock: Clock
) -> None:
    uma = id_of(office, "uma")
    create_portal_key(office, keyring, tenancy, uma)
    with office.read() as rows:
        end_us = office.now_us() + PORTAL_LIFE_US
        assert find_portal_key(rows, keyring, tenancy.tenancy_id, uma, end_us) is not None
        assert find_portal_key(rows, keyring, tenancy.tenancy_id, uma, end_us + 1) is None


def test_a_key_whose_secret_the_keyring_does_not_open_is_not_used(
    office: Office, keyring: Keyring, tenancy: TenancyRow
) -> None:
    uma = id_of(office, "uma")
    create_portal_key(office, keyring, tenancy, uma)
    with office.read() as rows:
        assert find_portal_key(rows, Keyring({1: b"x" * 32}), tenancy.tenancy_id, uma, office.now_us()) is None


def test_internal_keys_are_in_no_list_of_tokens(office: Office, keyring: Keyring, tenancy: TenancyRow) -> None:
    uma = id_of(office, "uma")
    create_portal_key(office, keyring, tenancy, uma)
    create_link_key(
        office, keyring, tenancy, uma, bucket="b", key="k", ends_at_us=office.now_us() + DAY_US, once="form"
    )
    token = create_access_key(office, keyring, Limits(), "a-o", "uma")
    with office.read() as rows:
        known = list_access_keys(rows, office.now_us(), tenancy, get_user(rows, "uma"))
        assert [each.row.access_key_id for each in known] == [token.row.access_key_id]
        assert [each.row.access_key_id for each in list_access_keys(rows, office.now_us())] == [token.row.access_key_id]
    assert not is_internal(token.row.access_key_id)


def test_an_internal_key_is_never_rotated_into_a_token(office: Office, keyring: Keyring, tenancy: TenancyRow) -> None:
    made = create_portal_key(office, keyring, tenancy, id_of(office, "uma"))
    with pytest.raises(Unknown):
        rotate_access_key(office, keyring, Limits(), made.access_key_id)
    assert signs(office, keyring, made.access_key_id)


def test_internal_keys_end_with_the_membership(office: Office, keyring: Keyring, tenancy: TenancyRow) -> None:
    uma = id_of(office, "uma")
    portal = create_portal_key(office, keyring, tenancy, uma)
    link = create_link_key(
        office, keyring, tenancy, uma, bucket="b", key="k", ends_at_us=office.now_us() + DAY_US, once="form"
    )
    remove_member(office, "a-o", "uma")
    assert not signs(office, keyring, portal.access_key_id)
    assert not signs(office, keyring, link.access_key_id)
    with pytest.raises(Refused, match="only live members"):
        create_portal_key(office, keyring, tenancy, uma)


def test_a_suspended_user_gets_no_key(office: Office, keyring: Keyring, tenancy: TenancyRow) -> None:
    suspend_user(office, "uma")
    with pytest.raises(Refused, match="only live members"):
        create_portal_key(office, keyring, tenancy, id_of(office, "uma"))


def test_the_end_of_a_log_in_ends_its_keys_and_no_token_or_link(
    office: Office, keyring: Keyring, tenancy: TenancyRow
) -> None:
    uma, mary = id_of(office, "uma"), id_of(office, "mary")
    hers, others = create_portal_key(office, keyring, tenancy, uma), create_portal_key(office, keyring, tenancy, mary)
    token = create_access_key(office, keyring, Limits(), "a-o", "uma")
    link = create_link_key(
        office, keyring, tenancy, uma, bucket="b", key="k", ends_at_us=office.now_us() + DAY_US, once="form"
    )
    assert revoke_portal_keys(office, uma) == 1
    assert not signs(office, keyring, hers.access_key_id)
    assert all(signs(office, keyring, key) for key in (others[0], token.row.access_key_id, link.access_key_id))
    with office.read() as rows:
        count = len(rows.scan(AUDIT))
    assert revoke_portal_keys(office, uma) == 0
    with office.read() as rows:
        assert len(rows.scan(AUDIT)) == count


def test_the_key_of_a_link_reads_one_object_and_nothing_else(
    office: Office, keyring: Keyring, tenancy: TenancyRow
) -> None:
    uma = id_of(office, "uma")
    made = create_link_key(
        office, keyring, tenancy, uma, bucket="b", key="k/é", ends_at_us=office.now_us() + DAY_US, once="form"
    )
    with office.read() as rows:
        row = rows.find(ACCESS_KEYS, (made.access_key_id,))
    assert row is not None
    assert (row.read_only, row.buckets, row.prefixes) == (1, '["b"]', '["k/\\u00e9"]')


def test_one_form_makes_one_link(office: Office, keyring: Keyring, tenancy: TenancyRow) -> None:
    uma, mary = id_of(office, "uma"), id_of(office, "mary")
    facts = {"bucket": "b", "key": "k", "ends_at_us": office.now_us() + DAY_US}
    create_link_key(office, keyring, tenancy, uma, once="form", **facts)
    with pytest.raises(Taken, match="made already"):
        create_link_key(office, keyring, tenancy, uma, once="form", **facts)
    create_link_key(office, keyring, tenancy, mary, once="form", **facts)
    create_link_key(office, keyring, tenancy, uma, once="another", **facts)
    with office.read() as rows:
        assert len(list_links(rows, office.now_us(), tenancy, uma)) == 2
        assert len(list_links(rows, office.now_us(), tenancy)) == 3


@pytest.mark.parametrize("days", [-1, 0, 7.01])
def test_a_link_ends_within_seven_days(office: Office, keyring: Keyring, tenancy: TenancyRow, days: float) -> None:
    end_us = office.now_us() + int(days * DAY_US)
    with pytest.raises(Refused, match="7 days"):
        create_link_key(
            office, keyring, tenancy, id_of(office, "uma"), bucket="b", key="k", ends_at_us=end_us, once="form"
        )


def test_links_of_one_member_are_bounded(office: Office, keyring: Keyring, tenancy: TenancyRow) -> None:
    uma = id_of(office, "uma")
    facts = {"bucket": "b", "key": "k", "ends_at_us": office.now_us() + DAY_US}
    for number in range(LINKS_MAX):
        create_link_key(office, keyring, tenancy, uma, once=str(number), **facts)
    with pytest.raises(Refused, match="revoke some"):
        create_link_key(office, keyring, tenancy, uma, once="more", **facts)


def test_a_link_is_revoked_by_its_maker_or_by_who_answers_for_all(
    office: Office, keyring: Keyring, tenancy: TenancyRow
) -> None:
    uma, mary = id_of(office, "uma"), id_of(office, "mary")
    facts = {"bucket": "b", "key": "k", "ends_at_us": office.now_us() + DAY_US}
    first = create_link_key(office, keyring, tenancy, uma, once="1", **facts).access_key_id
    second = create_link_key(office, keyring, tenancy, uma, once="2", **facts).access_key_id
    with office.read() as rows:
        listed = {link.link_id for link in list_links(rows, office.now_us(), tenancy, uma)}
    assert listed == {first.removeprefix(LINK), second.removeprefix(LINK)}
    with pytest.raises(Unknown):
        revoke_link(office, tenancy, first.removeprefix(LINK), mary)
    assert signs(office, keyring, first)
    assert revoke_link(office, tenancy, first.removeprefix(LINK), uma).state == "revoked"
    assert revoke_link(office, tenancy, second.removeprefix(LINK), None).state == "revoked"
    assert not signs(office, keyring, first)
    assert not signs(office, keyring, second)


def test_a_link_of_another_tenancy_or_a_token_is_no_link_here(
    office: Office, keyring: Keyring, tenancy: TenancyRow
) -> None:
    uma = id_of(office, "uma")
    other = create_tenancy(office, "b-o")
    link = create_link_key(
        office, keyring, tenancy, uma, bucket="b", key="k", ends_at_us=office.now_us() + DAY_US, once="form"
    )
    token = create_access_key(office, keyring, Limits(), "a-o", "uma")
    for found, link_id in (
        (other, link.access_key_id.removeprefix(LINK)),
        (tenancy, token.row.access_key_id),
        (tenancy, link.access_key_id),
    ):
        with pytest.raises(Unknown):
            revoke_link(office, found, link_id, None)
    assert signs(office, keyring, token.row.access_key_id)


def test_rows_of_keys_that_ended_long_ago_are_forgotten_and_no_others(
    office: Office, keyring: Keyring, tenancy: TenancyRow, clock: Clock
) -> None:
    uma = id_of(office, "uma")
    portal = create_portal_key(office, keyring, tenancy, uma)
    link = create_link_key(
        office, keyring, tenancy, uma, bucket="b", key="k", ends_at_us=office.now_us() + DAY_US, once="form"
    )
    token = create_access_key(office, keyring, Limits(), "a-o", "uma", expires_at_us=office.now_us() + DAY_US)
    use = KeyUseRow(portal.access_key_id, office.now_us(), "192.0.2.7", "")
    assert office.catalog.commit([lambda rows: rows.add(KEY_USES, use)])[0].error is None
    clock.pass_days(1)
    assert forget_ended(office) == 0
    clock.pass_days(1)
    assert forget_ended(office) == 1
    clock.pass_days(30)
    assert forget_ended(office) == 1
    with office.read() as rows:
        assert [row.access_key_id for row in rows.scan(ACCESS_KEYS)] == [token.row.access_key_id]
        assert not rows.scan(KEY_USES)
        assert any(link.access_key_id in row.detail for row in rows.scan(AUDIT))


def test_no_secret_shows_in_a_signing_key_s_text(office: Office, keyring: Keyring, tenancy: TenancyRow) -> None:
    made = create_portal_key(office, keyring, tenancy, id_of(office, "uma"))
    assert made.secret not in repr(made)
