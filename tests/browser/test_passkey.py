"""A passkey, by a device that Chromium plays: added with a proof of who it is, and then the way in without a password."""

from __future__ import annotations

from tests.browser.conftest import Visit
from tests.browser.place import Place
from tests.browser.registry import PASSWORD, make_person
from tests.browser.visitor import Visitor


def plug_in(visitor: Visitor) -> None:
    """Give the browser a device that holds passkeys, asks for a finger and always gets it."""
    devtools = visitor.context.new_cdp_session(visitor.page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    told = {**options, "isUserVerified": True, "automaticPresenceSimulation": True}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": told})


def test_a_passkey_is_added_and_logs_in_without_a_password_until_it_is_removed(town: Place, visit: Visit) -> None:
    town.clerk.run(make_person, "paula")
    paula = visit()
    plug_in(paula)
    paula.log_in("paula", PASSWORD).go("/account/security/").click("Add a passkey")
    paula.fill("Name", "laptop").click("Add a passkey").is_at("Recovery codes").click("Done")
    paula.is_at("Sign-in & security").sees("laptop")
    paula.log_out()

    paula.go("/account/login/").click("Log in with a passkey").is_at("My tenancies")
    paula.go("/account/security/")
    with paula.row("laptop"):
        paula.click("Remove")
    paula.click("Remove").is_at("Sign-in & security").sees_no("laptop")
    paula.log_out()
    paula.go("/account/login/").click("Log in with a passkey").sees("The passkey was not accepted. Try again.")
    assert paula.path == "/account/login/"
