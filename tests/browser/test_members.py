"""M3, members: a DEPUTY by user name, a message to some, and an access that is revoked and gone at once."""

from __future__ import annotations

import time

import pytest
import requests
from botocore.exceptions import ClientError
from tests.browser.conftest import Visit
from tests.browser.place import Place, text_of
from tests.browser.registry import make_member, make_person

from holdfast.auth.roles import Role

REVOKED_S_MAX = 1


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_a_deputy_is_granted_by_user_name(town: Place, visit: Visit, by: str) -> None:
    tenancy, name = f"grant-{by}-o", f"dora-{by}"
    town.clerk.run(make_member, tenancy, f"marc-{by}", Role.MANAGER)
    town.clerk.run(make_person, name)
    manager = visit(f"marc-{by}", by=by).go("/").click(tenancy).click("Members").click("Add a member")
    manager.fill("User name", "nobody-of-that-name").choose("Role", "DEPUTY").choose("Access lasts", "6 months")
    manager.click("Add the member").sees("There is a problem")
    manager.fill("User name", name).click("Add the member").is_at("Members").sees(name, "DEPUTY")
    assert town.mail(f"{name}@example.org", f"you are DEPUTY of {tenancy}")
    visit(name).go("/").sees(tenancy, "DEPUTY")


def test_some_members_are_written_to(town: Place, visit: Visit) -> None:
    town.clerk.run(make_member, "write-o", "mike", Role.MANAGER)
    for name in ("wanda", "wilma", "other"):
        town.clerk.run(make_member, "write-o", name)
    mike = visit("mike").go("/tenancies/write-o/members/").tick("Select wanda").tick("Select wilma")
    mike.click("Write to selected…").sees("wanda", "wilma").sees_no("other")
    mike.fill("Subject", "Disk full").fill("Message", "Please tidy up.").click("Send")
    for name in ("wanda", "wilma"):
        told = town.mail(f"{name}@example.org", "Disk full")
        assert "Please tidy up." in text_of(told)
        assert told["Reply-To"] == "mike@example.org"
    assert not [mail for mail in town.mails("other@example.org") if "Disk full" in str(mail["Subject"])]


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_who_is_revoked_is_cut_off_at_once(town: Place, visit: Visit, by: str) -> None:
    tenancy, name = f"revoke-{by}-o", f"lee-{by}"
    town.clerk.run(make_member, tenancy, f"mara-{by}", Role.MANAGER)
    town.clerk.run(make_member, tenancy, name)
    client = town.store.client(town.store.make_key(tenancy, name, role=None), signature_version="s3v4")
    client.create_bucket(Bucket="data")
    client.put_object(Bucket="data", Key="a", Body=b"x")
    url = client.generate_presigned_url("get_object", Params={"Bucket": "data", "Key": "a"}, ExpiresIn=3600)
    assert requests.get(url, timeout=10).status_code == 200

    manager = visit(f"mara-{by}", by=by).go(f"/tenancies/{tenancy}/members/").click(name).click("Revoke…")
    manager.fill("Reason", "Left the project.").click("Revoke the access").is_at("Members")
    time.sleep(REVOKED_S_MAX)
    assert requests.get(url, timeout=10).status_code == 403
    with pytest.raises(ClientError, match=r"InvalidAccessKeyId|AccessDenied"):
        client.list_objects_v2(Bucket="data")
    assert "Left the project." in text_of(town.mail(f"{name}@example.org", "has ended"))
    visit(name).go("/").sees("You belong to no tenancy yet").go(f"/tenancies/{tenancy}/").is_at(f"Join {tenancy}")
