"""M5, rules of a bucket: presets, who can see it and why, a look before it holds, and no change that is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from tests.browser.conftest import Visit
from tests.browser.place import Place
from tests.browser.registry import make_member

from holdfast.auth.roles import Role


@pytest.fixture
def bucket_of(town: Place) -> Any:
    """Return what makes a tenancy with a manager, two users and the first one's bucket, and their clients."""

    def make(tenancy: str, manager: str, owner: str, other: str) -> tuple[Any, Any]:
        town.clerk.run(make_member, tenancy, manager, Role.MANAGER)
        for name in (owner, other):
            town.clerk.run(make_member, tenancy, name)
        mine, theirs = (town.store.client(town.store.make_key(tenancy, name, role=None)) for name in (owner, other))
        mine.create_bucket(Bucket="data")
        mine.put_object(Bucket="data", Key="a/b.txt", Body=b"x" * 1000)
        return mine, theirs

    return make


def test_presets_say_what_they_do_before_they_do_it(town: Place, visit: Visit, bucket_of: Any) -> None:
    _, theirs = bucket_of("presets-o", "pam", "paul", "pete")
    public = f"{town.store.endpoint_url}/data/a/b.txt"

    def anonymous() -> int:
        return requests.get(public, headers={"Host": town.store.host_of("presets-o")}, timeout=10).status_code

    paul = visit("paul").go("/").click("presets-o").click("Buckets").click("data").sees("Private").click("Sharing")
    paul.choose("Who can see this bucket?", "All members can read Everybody").click("Continue")
    paul.sees("every member of the tenancy but guests can list and download", "Gains", "Any other member")
    with pytest.raises(ClientError, match="AccessDenied"):
        theirs.get_object(Bucket="data", Key="a/b.txt")
    paul.page.get_by_role("main").get_by_role("button").last.click()
    paul.sees("All members can read")
    theirs.get_object(Bucket="data", Key="a/b.txt")
    with pytest.raises(ClientError, match="AccessDenied"):
        theirs.put_object(Bucket="data", Key="new", Body=b"x")
    paul.go("/tenancies/presets-o/buckets/data/sharing/").sees("Public buckets are made by the DEPUTYs and MANAGERs")
    assert not paul.page.get_by_role("radio", name="Anyone on the internet").count()

    pam = visit("pam").go("/tenancies/presets-o/buckets/data/sharing/")
    pam.choose("Who can see this bucket?", "Anyone on the internet can list and download").click("Continue")
    pam.sees("anyone on the internet can list and download 1 KB in 1 object", "Gains", "Anyone on the internet")
    assert anonymous() == 403
    pam.click("Make it public")
    pam.sees("Public", "Anyone on the internet can list and download")
    assert anonymous() == 200


def test_who_can_see_this_is_told_for_a_member_with_the_reason(town: Place, visit: Visit, bucket_of: Any) -> None:
    bucket_of("explain-o", "emma", "evan", "enid")
    evan = visit("evan").go("/tenancies/explain-o/buckets/data/sharing/")
    evan.fill("Member", "enid").click("Check access")
    with evan.row("enid"):
        evan.sees("No").sees_no("Yes")
    evan.fill("Member", "emma").click("Check access")
    with evan.row("emma"):
        evan.sees("Yes", "MANAGER").sees_no("No")
    evan.fill("Member", "nobody-here").click("Check access").sees("There is no such member in this tenancy")


def test_a_policy_is_looked_at_first_and_no_change_is_lost(town: Place, visit: Visit, bucket_of: Any) -> None:
    _, theirs = bucket_of("expert-o", "edda", "egon", "ella")
    policy = {
        "Version": "2008-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"user": ["ella"]}, "Action": ["GetObject"], "Resource": ["data/*"]}
        ],
    }
    address = "/tenancies/expert-o/buckets/data/sharing/policy/"
    egon, edda = visit("egon").go(address), visit("edda").go(address)
    egon.fill("Policy (JSON)", "{").click("Show what would change").sees("There is a problem")
    egon.fill("Policy (JSON)", json.dumps(policy)).click("Show what would change")
    egon.sees("What would change", "Gains", "ella", "Reading without listing breaks Zarr and xarray")
    with pytest.raises(ClientError, match="AccessDenied"):
        theirs.get_object(Bucket="data", Key="a/b.txt")
    egon.click("Put this policy").sees("Custom policy")
    theirs.get_object(Bucket="data", Key="a/b.txt")

    edda.fill("Policy (JSON)", json.dumps(policy).replace("ella", "egon")).click("Show what would change")
    edda.sees("Somebody changed the policy since you opened the page")
    theirs.get_object(Bucket="data", Key="a/b.txt")


def test_who_confirms_after_somebody_else_did_is_refused(town: Place, visit: Visit, bucket_of: Any) -> None:
    _, theirs = bucket_of("late-o", "lena", "leif", "lars")
    address = "/tenancies/late-o/buckets/data/sharing/"
    reads = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": ["lars"]},
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::data/*",
            }
        ],
    }

    def choose_public() -> Any:
        lena = visit("lena").go(address)
        lena.choose("Who can see this bucket?", "Anyone on the internet can list and download").click("Continue")
        return lena.sees("What would change")

    # All three have read what would change before the first of them presses.
    leif, late = (visit(name).go(f"{address}policy/") for name in ("leif", "lena"))
    for who, action in ((leif, "s3:GetObject"), (late, "s3:PutObject")):
        who.fill("Policy (JSON)", json.dumps(reads).replace("s3:GetObject", action))
        who.click("Show what would change").sees("What would change")
    later = choose_public()
    leif.click("Put this policy").sees("The policy is in force.")

    late.click("Put this policy").sees("Somebody changed who can see this bucket since you looked.")
    later.click("Make it public").sees("Somebody changed who can see this bucket since you looked.")
    theirs.get_object(Bucket="data", Key="a/b.txt")
    with pytest.raises(ClientError, match="AccessDenied"):
        theirs.put_object(Bucket="data", Key="new", Body=b"x")
    url = f"{town.store.endpoint_url}/data/a/b.txt"
    assert requests.get(url, headers={"Host": town.store.host_of("late-o")}, timeout=10).status_code == 403
    choose_public().click("Make it public").sees("Public")
    assert requests.get(url, headers={"Host": town.store.host_of("late-o")}, timeout=10).status_code == 200
