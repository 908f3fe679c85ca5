"""M1, a tenancy of one's own: asked for, sent back with a reason, asked for again, and there at once when approved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.browser.conftest import Visit
from tests.browser.place import Place, link_in, text_of
from tests.browser.registry import make_member, make_person

from holdfast.auth.roles import Role

WANTED = "glaciers-o"
PURPOSE = "Velocities of glaciers from radar images, as Zarr, read by ten people with xarray."


def test_a_tenancy_is_asked_for_rejected_asked_for_again_and_there(town: Place, visit: Visit) -> None:
    town.clerk.run(make_person, "orla", is_operator=True)
    for name in ("gwen", "dirk"):
        town.clerk.run(make_person, name)
    town.clerk.run(make_member, "taken-o", "somebody", Role.MANAGER)

    gwen = visit("gwen").go("/").click("Services").click("A tenancy of your own")
    gwen.fill("Name", "taken-o").page.keyboard.press("Tab")
    gwen.sees("This name is taken. Choose another one.").fill("Name", "Not A Name").page.keyboard.press("Tab")
    gwen.click("Send the request").sees("There is a problem")
    gwen.fill("Name", WANTED).fill("Purpose", PURPOSE).fill("Quota", "2TB").fill("Deputies", "dirk")
    gwen.fill("Needed until", (datetime.now(UTC).date() + timedelta(days=900)).isoformat())
    gwen.tick("It will hold no personal or otherwise sensitive data").click("Send the request").sees("REQUESTED")

    told = town.mail("orla@example.org", WANTED)
    assert PURPOSE in text_of(told)
    orla = visit("orla").go(link_in(told)).is_at(f"Request for {WANTED}").sees("Capacity of the site", "Promised")
    orla.choose("Decision", "Reject").click("Save the decision").sees("There is a problem")
    orla.fill("Reason", "Whose data are these?").click("Save the decision").sees("Nobody waits for a tenancy")

    answer = town.mail("gwen@example.org", WANTED)
    assert "Whose data are these?" in text_of(answer)
    gwen.go(link_in(answer)).sees("REJECTED", "Whose data are these?").holds("Purpose", PURPOSE)
    gwen.fill("Purpose", f"{PURPOSE} They are our own.")
    gwen.tick("It will hold no personal or otherwise sensitive data").click("Send it again").sees("REQUESTED")

    orla.go("/operators/").click("Requests").click(WANTED).sees("They are our own.")
    # What is promised is never more than there is, unless an operator says so.
    orla.choose("Decision", "Approve").fill("Quota", "900TB").click("Save the decision").sees("There is a problem")
    orla.choose("Decision", "Approve").tick("Promise more than there is").click("Save the decision")
    orla.click("Decided").click(WANTED).sees("PROVISIONED")
    gwen.page.reload()
    gwen.sees("PROVISIONED").click("Open the tenancy").is_at(WANTED).sees("900 TB", f"{WANTED}.s3-ext.localhost")
    assert town.mail("gwen@example.org", "is there")
    visit("dirk").go("/").sees(WANTED, "DEPUTY")
    client = town.store.client(town.store.make_key(WANTED, "gwen", role=None))
    client.create_bucket(Bucket="velocities")
