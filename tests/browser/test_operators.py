"""O7 and O8: an operator suspends a token, a person and a tenancy at once, and reads in the audit log who did what."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from tests.browser.conftest import Visit
from tests.browser.place import Place, text_of
from tests.browser.registry import make_member, make_person

from holdfast.admin.site import set_site_setting
from holdfast.auth.roles import Role
from holdfast.store.site import ANNOUNCEMENT, READ_ONLY

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

AT_ONCE_S = 1


def test_what_is_suspended_is_refused_at_once_and_works_again_when_resumed(town: Place, visit: Visit) -> None:
    town.clerk.run(make_person, "ollie", is_operator=True)
    town.clerk.run(make_member, "halt-o", "hilda", Role.MANAGER)
    town.clerk.run(make_member, "halt-o", "hugh")
    key = town.store.make_key("halt-o", "hugh", role=None)
    client = town.store.client(key)
    client.create_bucket(Bucket="data")
    client.put_object(Bucket="data", Key="a.txt", Body=b"x")

    def is_refused() -> bool:
        time.sleep(AT_ONCE_S)
        try:
            client.list_objects_v2(Bucket="data")
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        return False

    hugh = visit("hugh").go("/").click("halt-o").click("Buckets").sees("data")
    ollie = visit("ollie").go("/").click("Operators").click("Tenancies").click("halt-o")
    ollie.fill("Reason", "A disk was lost.").click("Suspend").sees("A disk was lost.")
    assert is_refused()
    hugh.click("data").sees("suspended").sees_no("a.txt", "A disk was lost.")
    hugh.go("/").sees("SUSPENDED").sees_no("A disk was lost.")
    visit("hilda").go("/tenancies/halt-o/").sees("A disk was lost.")
    assert "A disk was lost." in text_of(town.mail("hilda@example.org", "suspended"))
    ollie.click("Resume").sees("halt-o works again.")
    assert not is_refused()

    ollie.click("People").click("hugh").fill("Reason", "On leave.").click("Suspend").sees("suspended")
    assert is_refused()
    hugh.click("halt-o").is_at("Log in")
    ollie.click("Resume")
    assert not is_refused()

    ollie.click("Tokens").fill("Token", key.token).click("Search")
    with ollie.row(key.token):
        ollie.click("Revoke")
    assert is_refused()
    assert key.token in text_of(town.mail("hugh@example.org", "was revoked"))


def test_the_audit_log_tells_who_did_what(town: Place, visit: Visit) -> None:
    town.clerk.run(make_person, "odile", is_operator=True)
    town.clerk.run(make_member, "watched-o", "wim")
    client = town.store.client(town.store.make_key("watched-o", "wim", role=None))
    client.create_bucket(Bucket="data")
    client.put_object(Bucket="data", Key="a.txt", Body=b"x")
    visit("wim").go("/tenancies/watched-o/buckets/data/object/?key=a.txt").click("Delete").click("Delete")

    odile = visit("odile").go("/operators/").click("Audit log")
    odile.fill("Tenancy", "watched-o").fill("Who", "wim").click("Search").sees("a.txt")
    odile.fill("Action begins with", "tenancy.").click("Search").sees_no("a.txt")
    odile.fill("Action begins with", "").fill("What was changed", "a.txt").click("Search").sees("wim", "a.txt")
    file = odile.download("Download CSV")
    assert "a.txt" in file.read_text()
    assert "wim" in file.read_text()


def test_who_revoked_a_token_and_who_changed_a_policy_are_found_by_name(town: Place, visit: Visit) -> None:
    town.clerk.run(make_person, "otto", is_operator=True)
    for tenancy, manager, owner in (("sought-o", "marta", "otis"), ("other-sought-o", "moritz", "oren")):
        town.clerk.run(make_member, tenancy, manager, Role.MANAGER)
        town.clerk.run(make_member, tenancy, owner)
        key = town.store.make_key(tenancy, owner, role=None)
        town.store.client(key).create_bucket(Bucket="results")
        sharing = visit(manager).go(f"/tenancies/{tenancy}/buckets/results/sharing/")
        sharing.choose("Who can see this bucket?", "All members can read Everybody").click("Continue")
        sharing.click("Change who can see it").sees("All members can read")
        sharing.go(f"/tenancies/{tenancy}/tokens/").click(f"Revoke {key.token}").click("Revoke").sees("REVOKED")

    otto = visit("otto").go("/operators/").click("Audit log")
    otto.fill("Action begins with", "bucket.set-policy").fill("What was changed", "results").click("Search")
    for manager in ("marta", "moritz"):
        with otto.row(manager):
            otto.sees("bucket.set-policy", "results", "Private", "All members can read")
    otto.fill("Who", "marta").click("Search").sees("bucket.set-policy").sees_no("moritz", "other-sought-o")
    otto.fill("Action begins with", "key.").fill("What was changed", "").click("Search")
    otto.sees("key.revoke").sees_no("bucket.set-policy", "moritz")
    otto.fill("Who", "").fill("Action begins with", "").fill("What was changed", key.token).click("Search")
    with otto.row("key.revoke"):
        otto.sees("moritz", "other-sought-o").sees_no("marta")
    otto.fill("Who", "marta").click("Search").sees("Nothing found")


def test_an_announcement_is_seen_by_all_and_read_only_stops_writes(visit: Visit, switched: S3Client) -> None:
    oona = visit("oona").go("/operators/").click("Site").fill("Announcement", "Rain on Friday")
    oona.tick("Read-only for maintenance").fill("Why it is read-only", "A new disk").click("Save the switches")
    oona.sees("Rain on Friday", "A new disk")
    visit().go("/account/login/").sees("Rain on Friday", "Read-only for maintenance", "A new disk")
    time.sleep(AT_ONCE_S)
    with pytest.raises(ClientError, match="A new disk"):
        switched.put_object(Bucket="data", Key="b", Body=b"x")
    assert switched.get_object(Bucket="data", Key="a")["Body"].read() == b"x"
    oona.fill("Announcement", "").tick("Read-only for maintenance", on=False).click("Save the switches").sees(
        "switches of the site were saved"
    )
    oona.go("/").sees_no("Rain on Friday", "A new disk")
    time.sleep(AT_ONCE_S)
    switched.put_object(Bucket="data", Key="b", Body=b"x")


@pytest.fixture
def switched(town: Place) -> Iterator[S3Client]:
    """A client of a bucket to write into while the switches of the site are turned; off again in the end."""
    town.clerk.run(make_person, "oona", is_operator=True)
    town.clerk.run(make_member, "switched-o", "sven")
    client = town.store.client(town.store.make_key("switched-o", "sven", role=None))
    client.create_bucket(Bucket="data")
    client.put_object(Bucket="data", Key="a", Body=b"x")
    yield client
    with town.store.office() as office:
        for name in (ANNOUNCEMENT, READ_ONLY):
            set_site_setting(office, name, None)
