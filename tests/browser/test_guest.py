"""C1, an outside collaborator: invited by mail to one bucket, sees nothing else, and is out on the day that was set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from tests.browser.conftest import Visit
from tests.browser.joining import end_membership
from tests.browser.place import Place, link_in, text_of
from tests.browser.registry import PASSWORD, make_member

from holdfast.auth.roles import Role

TENANCY = "expedition-o"


def test_a_guest_comes_by_a_link_and_goes_on_the_last_day(town: Place, visit: Visit) -> None:
    town.clerk.run(make_member, TENANCY, "mette", Role.MANAGER)
    owner = town.store.client(town.store.make_key(TENANCY, "mette", role=None))
    for bucket in ("shared", "private"):
        owner.create_bucket(Bucket=bucket)
        owner.put_object(Bucket=bucket, Key="a", Body=b"x")
    last_day = datetime.now(UTC).date() + timedelta(days=30)

    mette = visit("mette").go(f"/tenancies/{TENANCY}/members/").click("Invite a GUEST")
    mette.fill("E-mail address", "guy@elsewhere.example").choose("shared", "read and write")
    mette.click("Send the invitation").sees("There is a problem")
    mette.fill("Last day", last_day.isoformat()).fill("Your words", "Welcome aboard").click("Send the invitation")
    mette.sees("Open invitations", "guy@elsewhere.example")

    told = town.mail("guy@elsewhere.example", TENANCY)
    assert "Welcome aboard" in text_of(told)
    guy = visit().go(link_in(told)).is_at(f"Invitation to {TENANCY}").sees("shared: read and write").sees_no("private")
    guy.fill("User name", "guy").fill("Your name", "Guy Elsewhere").fill("Password", PASSWORD)
    guy.click("Make the account and accept").sees(TENANCY)
    again = visit().go(link_in(told)).sees_no("shared")
    assert not again.has("Make the account and accept")

    guy.go("/").sees(TENANCY, "GUEST", "Your access ends on").sees_no("private")
    for address in ("members/", "activity/", "requests/"):
        guy.go(f"/tenancies/{TENANCY}/{address}").sees_no("private")
    guy.go("/services/object-store/").sees_no("aurora-o")
    client = town.store.client(town.store.make_key(TENANCY, "guy", role=None))
    assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["shared"]
    client.put_object(Bucket="shared", Key="from-outside", Body=b"x")
    with pytest.raises(ClientError, match=r"AccessDenied|NoSuchBucket"):
        client.get_object(Bucket="private", Key="a")

    town.clerk.run(end_membership, TENANCY, "guy")
    with pytest.raises(ClientError, match=r"InvalidAccessKeyId|AccessDenied"):
        client.list_objects_v2(Bucket="shared")
    guy.go("/").sees("You belong to no tenancy yet")
    mette.page.reload()
    mette.sees("EXPIRED")


def test_an_invitation_that_is_withdrawn_lets_nobody_in(town: Place, visit: Visit) -> None:
    town.clerk.run(make_member, "withdrawn-o", "mads", Role.MANAGER)
    town.store.client(town.store.make_key("withdrawn-o", "mads", role=None)).create_bucket(Bucket="shared")
    mads = visit("mads").go("/tenancies/withdrawn-o/members/invite/")
    mads.fill("E-mail address", "gus@elsewhere.example").choose("shared", "read")
    mads.fill("Last day", (datetime.now(UTC).date() + timedelta(days=9)).isoformat()).click("Send the invitation")
    link = link_in(town.mail("gus@elsewhere.example", "withdrawn-o"))
    with mads.row("gus@elsewhere.example"):
        mads.click("Withdraw")
    mads.sees_no("Open invitations")
    gus = visit().go(link)
    assert not gus.has("Make the account and accept")
    gus.sees_no("shared")
