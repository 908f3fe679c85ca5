"""M6, a leaver: what they own stays, is shown as a former member's, and is given to somebody after a look."""

from __future__ import annotations

from tests.browser.conftest import Visit
from tests.browser.place import Place
from tests.browser.registry import make_member
from tests.browser.tenancies import leave

from holdfast.auth.roles import Role

TENANCY = "handover-o"


def test_the_buckets_of_a_leaver_are_given_to_a_member(town: Place, visit: Visit) -> None:
    town.clerk.run(make_member, TENANCY, "moira", Role.MANAGER)
    for name in ("lars", "heir"):
        town.clerk.run(make_member, TENANCY, name)
    client = town.store.client(town.store.make_key(TENANCY, "lars", role=None, description="laptop of lars"))
    for bucket in ("scans", "notes"):
        client.create_bucket(Bucket=bucket)
        client.put_object(Bucket=bucket, Key="a", Body=bytes(2000))
    town.clerk.run(leave, TENANCY, "lars")

    moira = visit("moira").go(f"/tenancies/{TENANCY}/buckets/").sees("former member")
    moira.click("Settings").click("Former members").sees("lars")
    with moira.row("lars"):
        moira.click("Transfer…")
    moira.sees("laptop of lars", "scans", "notes").choose("New owner", "heir").click("Show what would change")
    moira.sees("Nothing was changed yet", "scans", "notes", "heir")
    heir = town.store.client(town.store.make_key(TENANCY, "heir", role=None))
    assert heir.list_buckets()["Buckets"] == []
    moira.click("Transfer").sees("heir")
    assert sorted(bucket["Name"] for bucket in heir.list_buckets()["Buckets"]) == ["notes", "scans"]
    heir.put_object(Bucket="scans", Key="b", Body=b"x")
    moira.go(f"/tenancies/{TENANCY}/leavers/").sees("Nobody who left owns a bucket")
