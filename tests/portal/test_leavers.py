"""Leavers: whose buckets nobody answers for, what a transfer would change, and that it changes just that (journey M6)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from tests.portal.test_asking import django_assert_max  # noqa: F401

from holdfast.admin.access_keys import create_access_key
from holdfast.admin.audit import Sought, search_audit
from holdfast.admin.lookups import get_tenancy
from holdfast.admin.members import add_member, remove_member
from holdfast.admin.users import create_user, remove_user, suspend_user
from holdfast.auth.roles import Role
from holdfast.catalog.rows import BUCKETS, TENANCIES, BucketRow
from holdfast.config import Limits
from holdfast.store import quotas

POLICY = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture
def mary(town: Any) -> Any:
    """The MANAGER of a tenancy that lee has left, who owned two buckets; uma is a member and owns one."""
    manager = town.member("a-o", "mary", Role.MANAGER)
    for name in ("uma", "lee"):
        town.member("a-o", name)
    town.member("a-o", "dan", Role.DEPUTY)
    for name, owner in (("cmip6", "lee"), ("scratch", "lee"), ("own", "uma")):
        add_bucket(town, "a-o", name, town.person(owner).principal_id)
    create_access_key(town.house.office("x"), town.house.keyring, Limits(), "a-o", "lee", description="nightly")
    remove_member(town.house.office("x"), "a-o", "lee")
    return manager


def add_bucket(town: Any, tenancy: str, name: str, owner_id: str) -> None:
    with town.house.catalog.read() as rows:
        tenancy_id = get_tenancy(rows, tenancy).tenancy_id
    row = BucketRow(tenancy_id, name, f"id-{tenancy}-{name}", owner_id, 1, POLICY, POLICY, "", "", None, None)

    def add(rows: Any) -> None:
        rows.add(BUCKETS, row)
        quotas.apply(rows, rows.find(TENANCIES, (tenancy_id,)), row, quotas.Delta(10**9, 5))

    assert town.house.catalog.commit([add])[0].error is None


def owner(town: Any, bucket: str) -> str:
    with town.house.catalog.read() as rows:
        (found,) = [row for row in rows.scan(BUCKETS) if row.name == bucket]
    return str(found.owner_id)


def page(town: Any, person: Any, path: str = "leavers/") -> str:
    return str(town.client(person).get(f"/tenancies/a-o/{path}").content.decode())


def post(town: Any, person: Any, whose: str, **said: Any) -> Any:
    return town.client(person).post(f"/tenancies/a-o/leavers/{whose}/", said)


def hidden(answer: Any) -> dict[str, list[str]]:
    """Return what the page that asks for confirmation would send."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', answer.content.decode()):
        if name != "csrfmiddlewaretoken":
            found.setdefault(name, []).append(value)
    return found


def lee(town: Any) -> str:
    return str(town.person("lee").principal_id)


def transfers(town: Any) -> list[Any]:
    with town.house.catalog.read() as rows:
        return list(search_audit(rows, Sought(action="bucket.transfer"), 100).rows)


# --- The list ---


def test_former_members_who_own_buckets_are_listed_with_what_they_hold(town: Any, mary: Any) -> None:
    shown = page(town, mary)
    assert "lee" in shown
    assert "former member" in shown
    assert "2 GB" in shown
    assert ">uma<" not in shown
    everybody = page(town, mary, "leavers/?show=all")
    assert ">uma<" in everybody
    assert ">lee<" in everybody


def test_who_is_suspended_removed_expired_or_a_guest_by_now_is_listed_too(town: Any, mary: Any) -> None:
    office = town.house.office("x")
    for name in ("sue", "rem", "exp", "gus"):
        town.member("a-o", name)
        add_bucket(town, "a-o", f"of-{name}", town.person(name).principal_id)
    suspend_user(office, "sue")
    remove_user(office, "rem")
    with town.house.catalog.read() as rows:
        tenancy_id = get_tenancy(rows, "a-o").tenancy_id
        from holdfast.catalog.rows import MEMBERS

        row = rows.find(MEMBERS, (tenancy_id, town.person("exp").principal_id))
    assert town.house.catalog.commit([lambda tx: tx.replace(MEMBERS, row._replace(until_us=1))])[0].error is None
    add_member(office, "a-o", "gus", Role.GUEST, until_us=town.house.now_us() + 10**12)
    shown = page(town, mary)
    for name in ("sue", "rem", "exp", "gus", "lee"):
        assert f">{name}<" in shown, name
    assert shown.count("former member</span>") == 3
    assert "suspended</span>" in shown
    assert "GUEST by now</span>" in shown


def test_nobody_left_is_said(town: Any) -> None:
    manager = town.member("b-o", "bob", Role.MANAGER)
    assert "Nobody who left owns a bucket" in town.client(manager).get("/tenancies/b-o/leavers/").content.decode()


def test_their_keys_are_shown_and_refused(town: Any, mary: Any) -> None:
    shown = page(town, mary, f"leavers/{lee(town)}/")
    assert "nightly" in shown
    assert "revoked" in shown
    for name in ("cmip6", "scratch"):
        assert name in shown
    assert "own" not in re.findall(r'name="buckets" value="(\w+)"', shown)


# --- The dry run, and the transfer ---


def test_a_dry_run_lists_what_would_change_and_changes_nothing(town: Any, mary: Any) -> None:
    answer = post(town, mary, lee(town), buckets=["cmip6", "scratch"], new_owner="uma")
    assert answer.status_code == 200
    shown = answer.content.decode()
    assert "What would change" in shown
    assert "Nothing was changed yet" in shown
    assert "stays as it is" in shown
    assert owner(town, "cmip6") == owner(town, "scratch") == lee(town)
    assert transfers(town) == []


def test_what_was_seen_is_done_and_everybody_is_told(town: Any, mary: Any) -> None:
    planned = hidden(post(town, mary, lee(town), buckets=["cmip6", "scratch"], new_owner="uma"))
    assert planned["buckets"] == ["cmip6", "scratch"]
    answer = post(town, mary, lee(town), **planned)
    assert answer.status_code == 302
    uma = town.person("uma").principal_id
    assert owner(town, "cmip6") == owner(town, "scratch") == uma
    assert [(row.actor, row.subject) for row in transfers(town)] == [
        (mary.principal_id, "a-o/scratch"), (mary.principal_id, "a-o/cmip6"),
    ]  # fmt: skip
    (mail,) = [mail for mail in town.mails() if "You own buckets" in str(mail["Subject"])]
    assert "uma@" in str(mail["To"])
    assert "cmip6, scratch" in mail.get_content()
    assert "Nobody who left owns a bucket" in page(town, mary)
    again = post(town, mary, lee(town), **planned)
    assert again.status_code == 404, "lee owns nothing here any more"
    assert len(transfers(town)) == 2


def test_one_bucket_can_be_given_alone(town: Any, mary: Any) -> None:
    post(town, mary, lee(town), **hidden(post(town, mary, lee(town), buckets=["cmip6"], new_owner="mary")))
    assert owner(town, "cmip6") == mary.principal_id
    assert owner(town, "scratch") == lee(town)
    assert not [mail for mail in town.mails() if "You own buckets" in str(mail["Subject"])], "one knows what one did"


def test_a_transfer_without_a_look_only_looks(town: Any, mary: Any) -> None:
    for mark in ("", "0" * 64, "anything"):
        answer = post(town, mary, lee(town), buckets=["cmip6"], new_owner="uma", mark=mark)
        assert answer.status_code == 200
        assert "What would change" in answer.content.decode()
    assert owner(town, "cmip6") == lee(town)


def test_what_has_changed_since_the_look_is_looked_at_again(town: Any, mary: Any) -> None:
    planned = hidden(post(town, mary, lee(town), buckets=["cmip6", "scratch"], new_owner="uma"))
    # uma is removed from the site, and somebody else gets the name and joins: another person altogether.
    remove_user(town.house.office("x"), "uma")
    create_user(town.house.office("x"), "uma")
    add_member(town.house.office("x"), "a-o", "uma", Role.USER)
    answer = post(town, mary, lee(town), **planned)
    assert answer.status_code == 200
    assert "Something has changed since you looked" in answer.content.decode()
    assert owner(town, "cmip6") == lee(town)


def test_of_two_managers_at_once_the_second_changes_nothing(town: Any, mary: Any) -> None:
    other = town.member("a-o", "moe", Role.MANAGER)
    mine = hidden(post(town, mary, lee(town), buckets=["cmip6"], new_owner="uma"))
    theirs = hidden(post(town, other, lee(town), buckets=["cmip6"], new_owner="dan"))
    assert post(town, mary, lee(town), **mine).status_code == 302
    late = post(town, other, lee(town), **theirs)
    assert late.status_code == 400
    assert owner(town, "cmip6") == town.person("uma").principal_id
    assert len(transfers(town)) == 1


def test_a_bucket_of_who_is_only_away_is_given_to_another_and_both_are_told(town: Any, mary: Any) -> None:
    uma = str(town.person("uma").principal_id)
    post(town, mary, uma, **hidden(post(town, mary, uma, buckets=["own"], new_owner="dan")))
    assert owner(town, "own") == town.person("dan").principal_id
    assert {str(mail["To"]) for mail in town.mails() if "uckets" in str(mail["Subject"])} == {
        "dan@example.org", "uma@example.org",
    }  # fmt: skip


# --- What is refused ---


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"buckets": ["cmip6"], "new_owner": "nobody-there"}, "Nobody has this user name"),
        ({"buckets": ["cmip6"], "new_owner": "lee"}, "no live member"),
        ({"buckets": ["cmip6"], "new_owner": "stranger"}, "no live member"),
        ({"buckets": ["cmip6"], "new_owner": "gus"}, "GUEST"),
        ({"buckets": ["cmip6"], "new_owner": ""}, "required"),
        ({"buckets": [], "new_owner": "uma"}, "Choose at least one bucket"),
        ({"buckets": ["own"], "new_owner": "mary"}, "own is not theirs any more"),
        ({"buckets": ["cmip6", "absent"], "new_owner": "mary"}, "absent is not theirs any more"),
    ],
)
def test_what_can_not_be_is_refused_in_words(town: Any, mary: Any, said: dict[str, Any], words: str) -> None:
    town.person("stranger")
    town.member("a-o", "gus", Role.GUEST, until_us=town.house.now_us() + 10**12)
    answer = post(town, mary, lee(town), **said)
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert transfers(town) == []


def test_whoever_owns_already_needs_nothing_given(town: Any, mary: Any) -> None:
    uma = str(town.person("uma").principal_id)
    answer = post(town, mary, uma, buckets=["own"], new_owner="uma")
    assert answer.status_code == 400
    assert "already" in answer.content.decode()


def test_only_those_who_grant_roles_transfer(town: Any, mary: Any) -> None:
    for name in ("dan", "uma"):
        person = town.person(name)
        assert town.client(person).get("/tenancies/a-o/leavers/").status_code == 403
        assert post(town, person, lee(town), buckets=["cmip6"], new_owner=name).status_code == 403
    olga = town.operator()
    assert post(town, olga, lee(town), **hidden(post(town, olga, lee(town), buckets=["cmip6"], new_owner="uma")))
    assert transfers(town)[0].actor == olga.principal_id


def test_buckets_and_owners_of_another_tenancy_are_not_there(town: Any, mary: Any) -> None:
    bob = town.member("b-o", "bob", Role.MANAGER)
    town.member("b-o", "ben")
    add_bucket(town, "b-o", "theirs", town.person("ben").principal_id)
    ben = town.person("ben").principal_id
    for client in (town.client(mary),):
        assert client.get(f"/tenancies/a-o/leavers/{ben}/").status_code == 404
        said = {"buckets": ["theirs"], "new_owner": "mary"}
        assert client.post(f"/tenancies/a-o/leavers/{ben}/", said).status_code == 404
    # The owner is one here, the bucket is not.
    answer = post(town, mary, lee(town), buckets=["theirs"], new_owner="mary")
    assert answer.status_code == 400
    planned = hidden(
        town.client(bob).post(f"/tenancies/b-o/leavers/{ben}/", {"buckets": ["theirs"], "new_owner": "bob"})
    )
    assert post(town, mary, lee(town), **planned).status_code == 400
    assert owner(town, "theirs") == ben


def test_names_are_no_more_than_text(town: Any, mary: Any) -> None:
    evil = "<script>alert(1)</script>"
    town.person("eve", full_name=evil)
    town.member("a-o", "eve")
    add_bucket(town, "a-o", "evil", town.person("eve").principal_id)
    remove_member(town.house.office("x"), "a-o", "eve")
    eve = town.person("eve").principal_id
    for shown in (
        page(town, mary), page(town, mary, f"leavers/{eve}/"),
        post(town, mary, eve, buckets=["evil"], new_owner="uma").content.decode(),
        post(town, mary, eve, buckets=[evil], new_owner=evil).content.decode(),
    ):  # fmt: skip
        assert "<script>alert" not in shown
        assert "&lt;script&gt;" in shown


def test_hundreds_of_owners_take_a_bounded_number_of_queries(
    town: Any,
    mary: Any,
    django_assert_max: Callable[[int], Any],  # noqa: F811
) -> None:
    office = town.house.office("x")
    for number in range(120):
        add_bucket(town, "a-o", f"b{number}", create_user(office, f"gone-{number}").user_id)
    client = town.client(mary)
    with django_assert_max(14):
        shown = client.get("/tenancies/a-o/leavers/?page=2").content.decode()
    assert "51 to 100 of 121" in shown
    with django_assert_max(14):
        client.get(f"/tenancies/a-o/leavers/{lee(town)}/")
