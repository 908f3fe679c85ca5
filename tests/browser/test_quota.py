"""M4, quota: mails on the way to it, writes that fail and deletes that work at 100 %, more of it, and caps of buckets."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from tests.browser.conftest import Visit
from tests.browser.place import Place, link_in, text_of
from tests.browser.registry import make_member, make_person

from holdfast.auth.roles import Role

MIB = 1 << 20
TENANCY = "brimful-o"


def test_a_tenancy_fills_up_is_given_more_and_caps_a_bucket(town: Place, visit: Visit) -> None:
    town.store.make_tenancy(TENANCY, limit_bytes=10 * MIB)
    town.clerk.run(make_member, TENANCY, "quinn", Role.MANAGER)
    town.clerk.run(make_person, "oskar", is_operator=True)
    client = town.store.client(town.store.make_key(TENANCY, "quinn", role=None))
    client.create_bucket(Bucket="data")
    for number, words in ((8, "is 80 % full"), (9, "is 90 % full"), (10, "is full")):
        client.put_object(Bucket="data", Key=f"file-{number}", Body=bytes(8 * MIB if number == 8 else MIB))
        town.mail("quinn@example.org", f"{TENANCY} {words}")
    with pytest.raises(ClientError, match="QuotaExceeded"):
        client.put_object(Bucket="data", Key="more", Body=b"x")

    quinn = visit("quinn").go("/").click(TENANCY).click("Quota").sees("100 %", "Full: nothing that needs more room")
    quinn.click("data").click("file-10").click("Delete").click("Delete").sees("file-10 is deleted")
    client.put_object(Bucket="data", Key="file-10", Body=bytes(MIB))
    assert client.delete_objects(Bucket="data", Delete={"Objects": [{"Key": "file-10"}]})["Deleted"]

    quinn.go(f"/tenancies/{TENANCY}/quota/").click("Ask for another quota")
    quinn.fill("New quota", "20MiB").fill("Reason", "A second campaign.").click("Send the request").sees("REQUESTED")
    oskar = visit("oskar").go(link_in(town.mail("oskar@example.org", TENANCY))).sees("A second campaign.", "20 MiB")
    # Whatever other tests had promised before.
    oskar.choose("Decision", "Approve").tick("Promise more than there is").click("Save the decision").sees(
        "No tenancy asks for another quota"
    )
    quinn.page.reload()
    quinn.sees("APPROVED", "of 20 MiB")
    assert "20 MiB" in text_of(town.mail("quinn@example.org", "quota"))
    client.put_object(Bucket="data", Key="more", Body=bytes(5 * MIB))

    quinn.click("Limits of buckets")
    with quinn.row("data"):
        quinn.click("Set limits")
    quinn.fill("Most bytes", "14MiB").click("Set the limits").sees("14 MiB")
    with pytest.raises(ClientError, match="QuotaExceeded"):
        client.put_object(Bucket="data", Key="one-too-many", Body=bytes(MIB))
