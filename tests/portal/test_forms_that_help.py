"""Forms that name all faults at once, offer what there is, and say their rules in the words of their errors."""

from __future__ import annotations

import re
from typing import Any

from tests.portal.test_dashboard import text_of
from tests.portal.test_refused_pages import words
from tests.portal.test_tokens import make_buckets

from holdfast.admin.key_kinds import LINK, PORTAL
from holdfast.admin.members import remove_member
from holdfast.auth.roles import Role
from holdfast.catalog.rows import ACCESS_KEYS


def test_a_new_tenancy_says_all_that_is_wrong_at_once(town: Any) -> None:
    town.tenancy("a-o")
    client = town.client(town.operator())
    said = {"name": "Not A Name", "manager": "nobody", "limit_bytes": "much", "limit_objects": "-1"}
    text = words(client.post("/operators/new-tenancy/", said))
    assert "use 3 to 63 characters of a-z, 0-9 and -" in text
    assert "Nobody has this user name." in text
    assert "Write a size with its unit" in text
    assert "greater than or equal to 0" in text
    assert "This name is taken." in words(client.post("/operators/new-tenancy/", {**said, "name": "a-o"}))
    assert "never changed: 3 to 63 of a-z, 0-9 and -." in text_of(client, "/operators/new-tenancy/")


def test_a_member_is_added_as_user_unless_another_role_is_chosen(town: Any) -> None:
    client = town.client(town.member("a-o", "mary", Role.MANAGER))
    page = client.get("/tenancies/a-o/members/add/").content.decode()
    assert re.findall(r'name="role" value="(\w+)"[^>]*checked', page) == ["USER"]


def test_a_new_owner_is_chosen_from_those_who_may_own_buckets(town: Any) -> None:
    client = town.client(town.member("a-o", "mary", Role.MANAGER))
    for name in ("lee", "uma"):
        town.member("a-o", name)
    town.member("a-o", "gus", Role.GUEST, until_us=town.house.now_us() + 10**12)
    make_buckets(town, "ice", owner="lee")
    owner = town.person("lee").principal_id
    remove_member(town.house.office("test"), "a-o", "lee")
    page = client.get(f"/tenancies/a-o/leavers/{owner}/").content.decode()
    assert re.findall(r'<option value="(\w+)"', page) == ["mary", "uma"]


def test_what_a_revoked_member_had_is_counted_by_what_it_was(town: Any) -> None:
    mary = town.client(town.member("a-o", "mary", Role.MANAGER))
    uma = town.member("a-o", "uma")
    from holdfast.admin.access_keys import create_access_key
    from holdfast.config import Limits

    row = create_access_key(town.house.office("test"), town.house.keyring, Limits(), "a-o", "uma").row

    def add(rows: Any) -> None:
        for access_key_id in (f"{LINK}ONE", f"{LINK}TWO", f"{PORTAL}ONE"):
            rows.add(ACCESS_KEYS, row._replace(access_key_id=access_key_id))

    town.house.catalog.commit([add])
    remove_member(town.house.office(uma.principal_id), "a-o", "uma")
    text = text_of(mary, "/tenancies/a-o/activity/")
    assert "1 token revoked, 2 links revoked, 1 key of the portal revoked" in text


def test_who_was_logged_out_elsewhere_is_told_and_whom_to_ask(town: Any) -> None:
    from holdfast.portal.people.sessions import end_others

    client = town.client(town.person("ann"))
    assert client.get("/").status_code == 200
    end_others(town.person("ann"), None)
    answer = client.get("/tenancies/a-o/")
    assert answer.status_code == 302
    assert "next=/tenancies/a-o/" in answer["Location"]
    text = text_of(client, answer["Location"])
    assert "You were logged out. Log in again. If you can’t get in, ask the operators of this site." in text
    stranger = town.client().get("/", follow=True)
    assert "You were logged out" not in stranger.content.decode()
