"""R1, register and join: from nobody to a member whose token works, with nobody's help but the manager's."""

from __future__ import annotations

import re

from tests.browser.conftest import Visit
from tests.browser.joining import set_face
from tests.browser.place import Place, link_in, text_of
from tests.browser.registry import PASSWORD, make_member, make_person
from tests.browser.visitor import Visitor
from tests.serving import Key

from holdfast.auth.roles import Role

TENANCY = "aurora-o"
QUESTION = "Which grant pays for it?"
ASKED = [{"id": "grant", "label": QUESTION, "kind": "text", "help": "", "options": [], "required": True}]


def test_from_signing_up_to_a_token_that_works(town: Place, visit: Visit) -> None:
    town.clerk.run(make_member, TENANCY, "mona", Role.MANAGER)
    town.clerk.run(set_face, TENANCY, summary="Northern lights", approver_message="Ask the dean.", questions=ASKED)

    rosa = visit().go("/").click("Sign up")
    rosa.fill("User name", "rosa").fill("Full name", "Rosa Diaz").fill("E-mail address", "rosa@example.org")
    rosa.fill("Password", PASSWORD).click("Sign up").is_at("Look into your mail")
    rosa.go(link_in(town.mail("rosa@example.org", "confirm"))).click("Confirm")
    rosa.log_in("rosa", PASSWORD).is_at("My tenancies").sees("You belong to no tenancy yet")

    rosa.click("Services").click("Object store")
    with rosa.row(TENANCY):
        rosa.sees("Northern lights", "mona").click("Request to join")
    before = visit("rosa").go(rosa.page.url)
    rosa.click("Send the request").sees("There is a problem", "This field is required")
    rosa.fill(QUESTION, "NE/X01").click("Send the request").sees("PENDING", "It was sent on")
    assert not rosa.has("Send the request")
    before.fill(QUESTION, "NE/X01").click("Send the request").sees("PENDING")
    assert len([mail for mail in town.mails("mona@example.org") if TENANCY in str(mail["Subject"])]) == 1

    told = town.mail("mona@example.org", "Rosa Diaz asks to be USER of aurora-o")
    assert "NE/X01" in text_of(told)
    assert "Ask the dean." in text_of(told)
    assert told["Reply-To"] == "rosa@example.org"
    mona = visit("mona").go(link_in(told)).is_at("Request of Rosa Diaz").sees("NE/X01")
    mona.choose("Decision", "Needs more information").fill("Reason", "Whose grant is that?").click("Save the decision")
    assert "Whose grant is that?" in text_of(town.mail("rosa@example.org", "more is wanted"))
    rosa.page.reload()
    rosa.sees("INCOMPLETE", "Whose grant is that?").holds(QUESTION, "NE/X01")
    rosa.fill(QUESTION, "NE/X01 of Dr Holt").click("Send the request").sees("PENDING")

    mona.go(f"/tenancies/{TENANCY}/").click("Requests").click("Rosa Diaz").sees("NE/X01 of Dr Holt")
    mona.choose("Decision", "Approve").choose("Access lasts", "1 year").click("Save the decision").sees("APPROVED")
    # That it is within five seconds is held by a test of the store without a browser (`test_joining_on_s3`).
    rosa.go("/").sees(TENANCY, "USER", "Your access ends on").click(TENANCY).is_at(TENANCY)
    rosa.go(f"/tenancies/{TENANCY}/tokens/add/").fill("Description", "first").click("Add").is_at("Your new token")
    key = Key(*(rosa.page.locator(f"#new-token-{part}").inner_text() for part in ("id", "secret")), TENANCY, "rosa")
    town.store.client(key).create_bucket(Bucket="rosas")
    assert town.mail("rosa@example.org", "you are USER of aurora-o")


def as_read(visitor: Visitor, tenancy: str) -> str:
    """Return a page's text without the name of the tenancy and the time of day."""
    return re.sub(r"\d\d:\d\d UTC", "TIME", visitor.read().replace(tenancy, "NAME"))


def test_a_hidden_tenancy_and_an_absent_one_look_alike(town: Place, visit: Visit) -> None:
    town.clerk.run(make_member, "hidden-o", "hugo", Role.MANAGER)
    town.clerk.run(set_face, "hidden-o", summary="Secret", hidden=True)
    town.clerk.run(make_person, "nosy")
    nosy = visit("nosy")
    seen = []
    for name in ("hidden-o", "absent-o"):
        nosy.go(f"/tenancies/{name}/").is_at(f"Join {name}")
        empty = as_read(nosy, name)
        nosy.fill("What do you want to use it for?", "To look").click("Send the request").sees("PENDING")
        seen.append((empty, as_read(nosy, name)))
    assert seen[0] == seen[1]
    nosy.go("/services/object-store/").sees_no("Secret")
