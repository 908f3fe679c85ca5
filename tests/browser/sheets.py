"""What is to be seen of the portal: each page in each of its states, and who looks. A page without a row fails a test.

The pictures of `make screenshots` and the tests of accessibility are made from this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

from tests.browser.registry import PASSWORD
from tests.browser.visitor import Visitor
from tests.browser.world import (
    ANN,
    BUCKET,
    CLOSING,
    EMPTY,
    ENDING,
    FULL,
    GUS,
    HANA,
    HEIDI,
    HELD,
    KEY,
    LENA,
    LONG,
    LONG_BUCKET,
    LONG_FOLDER,
    LONG_KEY,
    MANY,
    MIA,
    NED,
    NOWHERE,
    OLGA,
    ONE,
    TYRA,
)

ERRORS: Final = "errors"
"""What stands in the place of a page's name for pages that have no address of their own."""


class Sheet(NamedTuple):
    """One page in one state."""

    page: str
    """The name of its URL."""
    state: str
    address: str
    """Its path; what stands in braces is a fact of the world."""
    viewer: str = ""
    """Who looks; empty = somebody who is not logged in."""
    act: Callable[[Visitor], object] | None = None
    """What is done on the page first."""

    def __str__(self) -> str:
        return f"{self.page}-{self.state.replace(' ', '-')}"


def _open_menu(visitor: Visitor) -> None:
    visitor.page.locator("header summary").click()


def _open_cog(visitor: Visitor) -> None:
    visitor.click("Settings")


def _send(button: str) -> Callable[[Visitor], object]:
    """Return what sends the form of a page as it stands."""
    return lambda visitor: visitor.click(button)


def _make_token(visitor: Visitor) -> None:
    visitor.fill("Description", "laptop").click("Add").is_at("Your new token")


def _make_api_token(visitor: Visitor) -> None:
    visitor.fill("Description", "reports").tick("S3 Secret Key", on=False).click("Add").is_at("Your new token")


def _reload(visitor: Visitor) -> None:
    _make_token(visitor)
    visitor.page.reload()
    visitor.is_at("already made")


def _spoil_questions(visitor: Visitor) -> None:
    visitor.page.get_by_role("region", name="Question 1").get_by_role("textbox").first.fill("")
    visitor.click("Save the settings").sees("There is a problem")


def _plan_transfer(visitor: Visitor) -> None:
    visitor.choose("New owner", ANN).click("Show what would change").sees("Nothing was changed yet")


def _close_another(visitor: Visitor) -> None:
    visitor.fill("Reason", "It is over").fill("Name of the tenancy", MANY)
    visitor.click("Close the tenancy").sees("There is a problem")


def _reject(visitor: Visitor) -> None:
    visitor.choose("Decision", "Reject: say why below").click("Save the decision").sees("There is a problem")


def _mistype(visitor: Visitor) -> None:
    visitor.fill("User name or e-mail address", ANN).fill("Password", "not hers").click("Log in")
    visitor.sees("There is a problem")


def _come_to_second_step(visitor: Visitor) -> None:
    visitor.go("/account/login/").fill("User name or e-mail address", TYRA).fill("Password", PASSWORD).click("Log in")


def _select_an_object(visitor: Visitor) -> None:
    visitor.go(_in(ONE, f"buckets/{BUCKET}/")).tick("Select facts.json").click("Delete selected")


def _spoil_policy(visitor: Visitor) -> None:
    visitor.page.get_by_role("main").get_by_role("textbox").first.fill('{"Version": "2012-10-17", "Statement": [{}]}')
    visitor.click("Show what would change").sees("There is a problem")


def _in(tenancy: str, rest: str = "") -> str:
    return f"/tenancies/{tenancy}/{rest}"


def _object(tenancy: str, bucket: str, key: str, act: str = "") -> str:
    return _in(tenancy, f"buckets/{bucket}/object/{act}?key={quote(key)}")


SHEETS: Final = (
    Sheet("styleguide", "whole", "/styleguide/"),
    Sheet("styleguide", "logged in", "/styleguide/", ANN, _open_menu),
    Sheet("accessibility", "whole", "/accessibility/"),
    Sheet("api_reference", "whole", "/api/v1/"),
    # --- Signing in ---
    Sheet("account_login", "empty", "/account/login/"),
    Sheet("account_login", "error", "/account/login/", act=_mistype),
    Sheet("account_signup", "empty", "/account/signup/"),
    Sheet("account_signup", "error", "/account/signup/", act=_send("Sign up")),
    Sheet("account_email_verification_sent", "one", "/account/confirm-email/"),
    Sheet("account_confirm_email", "one", "/account/confirm-email/{confirm}/"),
    Sheet("account_confirm_email", "spent", "/account/confirm-email/spent/"),
    Sheet("account_reset_password", "empty", "/account/password/reset/"),
    Sheet("account_reset_password", "error", "/account/password/reset/", act=_send("Mail me a link")),
    Sheet("account_reset_password_done", "one", "/account/password/reset/done/"),
    Sheet("account_reset_password_from_key", "one", "/account/password/reset/key/{reset_uid}-{reset_key}/"),
    Sheet("account_reset_password_from_key", "spent", "/account/password/reset/key/1-spent/"),
    Sheet("account_inactive", "one", "/account/inactive/"),
    Sheet("account_logout", "one", "/account/logout/", ANN),
    Sheet("account_reauthenticate", "one", "/account/reauthenticate/", ANN),
    Sheet("mfa_authenticate", "one", "/account/2fa/authenticate/", act=_come_to_second_step),
    Sheet("mfa_reauthenticate", "one", "/account/2fa/reauthenticate/", TYRA),
    Sheet("mfa_reauthenticate_webauthn", "one", "/account/2fa/webauthn/reauthenticate/", TYRA),
    Sheet("log_in_again", "one", "/account/log-in-again/", ANN),
    Sheet("socialaccount_login_cancelled", "one", "/account/3rdparty/login/cancelled/"),
    Sheet("provider_callback", "error", "/account/provider/callback/"),
    # --- Oneself ---
    Sheet("profile", "one", "/account/", ANN),
    Sheet("profile", "many", "/account/", MIA),
    Sheet("profile", "long names", "/account/", LENA),
    Sheet("security", "empty", "/account/security/", ANN),
    Sheet("security", "many", "/account/security/", TYRA),
    Sheet("account_email", "one", "/account/email/", ANN),
    Sheet("account_change_password", "empty", "/account/password/change/", ANN),
    Sheet("account_change_password", "error", "/account/password/change/", ANN, _send("Change the password")),
    Sheet("mfa_activate_totp", "empty", "/account/2fa/totp/activate/", ANN),
    Sheet("mfa_deactivate_totp", "one", "/account/2fa/totp/deactivate/", TYRA),
    Sheet("mfa_view_recovery_codes", "many", "/account/2fa/recovery-codes/", TYRA),
    Sheet("mfa_generate_recovery_codes", "many", "/account/2fa/recovery-codes/generate/", TYRA),
    Sheet("mfa_add_webauthn", "empty", "/account/2fa/webauthn/add/", ANN),
    Sheet("mfa_edit_webauthn", "one", "/account/2fa/webauthn/keys/{passkey}/edit/", TYRA),
    Sheet("mfa_remove_webauthn", "one", "/account/2fa/webauthn/keys/{passkey}/remove/", TYRA),
    # --- My tenancies ---
    Sheet("home", "empty", "/", NED),
    Sheet("home", "one", "/", GUS),
    Sheet("home", "many", "/", MIA),
    Sheet("home", "long names", "/", LENA),
    Sheet("home", "operator", "/", OLGA),
    Sheet("tenancy", "empty", _in(EMPTY), MIA),
    Sheet("tenancy", "cog", _in(EMPTY), MIA, _open_cog),
    Sheet("tenancy", "one", _in(ONE), ANN),
    Sheet("tenancy", "guest", _in(ONE), GUS),
    Sheet("tenancy", "many", _in(MANY), MIA),
    Sheet("tenancy", "long names", _in(LONG), LENA),
    Sheet("tenancy", "suspended", _in(HELD), MIA),
    Sheet("tenancy", "suspended for a user", _in(HELD), ANN),
    Sheet("tenancy", "closing", _in(CLOSING), ANN),
    Sheet("tenancy", "quota full", _in(FULL), ANN),
    Sheet("tenancy", "no rights", _in(ONE), NED),
    Sheet("tenancy", "not there", _in(NOWHERE), NED),
    Sheet("tenancy", "operator", _in(ONE), OLGA),
    # --- Tokens ---
    Sheet("tokens", "empty", _in(EMPTY, "tokens/"), ANN),
    Sheet("tokens", "one", _in(ONE, "tokens/"), ANN),
    Sheet("tokens", "many", _in(MANY, "tokens/"), MIA),
    Sheet("tokens", "nothing fits", _in(MANY, "tokens/?q=nothing-fits"), MIA),
    Sheet("tokens", "long names", _in(LONG, "tokens/"), LENA),
    Sheet("tokens", "operator", _in(MANY, "tokens/"), OLGA),
    Sheet("token_add", "empty", _in(ONE, "tokens/add/"), ANN),
    Sheet("token_add", "error", _in(ONE, "tokens/add/"), ANN, _send("Add")),
    Sheet("token_add", "many", _in(MANY, "tokens/add/"), MIA),
    Sheet("token_add", "operator", _in(ONE, "tokens/add/"), OLGA),
    Sheet("token_add", "suspended", _in(HELD, "tokens/add/"), ANN),
    Sheet("token_add", "made", _in(ONE, "tokens/add/"), ANN, _make_token),
    Sheet("token_add", "made long names", _in(LONG, "tokens/add/"), LENA, _make_token),
    Sheet("token_add", "made for the API", _in(ONE, "tokens/add/"), ANN, _make_api_token),
    Sheet("token_add", "already made", _in(ONE, "tokens/add/"), ANN, _reload),
    Sheet("token_revoke", "one", _in(ONE, "tokens/{token_of_one}/revoke/"), ANN),
    Sheet("token_revoke", "long names", _in(LONG, "tokens/{token_of_atmospheric}/revoke/"), LENA),
    Sheet("token_rotate", "one", _in(ONE, "tokens/{token_of_one}/rotate/"), ANN),
    Sheet("token_rotate", "long names", _in(LONG, "tokens/{token_of_atmospheric}/rotate/"), LENA),
    Sheet("tokens_revoke_mine", "one", _in(ONE, "tokens/revoke-mine/"), ANN),
    # --- Joining ---
    Sheet("services", "one", "/services/", NED),
    Sheet("object_store", "many", "/services/object-store/", NED),
    Sheet("object_store", "nothing fits", "/services/object-store/?q=nothing-fits", NED),
    Sheet("object_store", "manager", "/services/object-store/", MIA),
    Sheet("join", "empty", _in(ONE, "join/"), HANA),
    Sheet("join", "error", _in(ONE, "join/"), HANA, _send("Send the request")),
    Sheet("join", "pending", _in(ONE, "join/"), NED),
    Sheet("join", "incomplete", _in(MANY, "join/"), NED),
    Sheet("join", "rejected", _in(EMPTY, "join/"), NED),
    Sheet("join", "long names", _in(ONE, "join/"), LENA),
    Sheet("join", "not there", _in(NOWHERE, "join/"), HANA),
    Sheet("join", "member", _in(ONE, "join/"), ANN),
    Sheet("requests", "empty", _in(EMPTY, "requests/"), MIA),
    Sheet("requests", "one", _in(ONE, "requests/"), MIA),
    Sheet("requests", "many", _in(MANY, "requests/"), MIA),
    Sheet("requests", "decided", _in(EMPTY, "requests/?show=decided"), MIA),
    Sheet("requests", "no rights", _in(MANY, "requests/"), ANN),
    Sheet("request", "one", _in(ONE, "requests/{request}/"), MIA),
    Sheet("request", "error", _in(ONE, "requests/{request}/"), MIA, _send("Save the decision")),
    Sheet("request", "rejected", _in(EMPTY, "requests/{request_rejected}/"), MIA),
    Sheet("request", "long names", _in(ONE, "requests/{request_long}/"), MIA),
    Sheet("members", "one", _in(ONE, "members/"), MIA),
    Sheet("members", "many", _in(MANY, "members/"), MIA),
    Sheet("members", "user", _in(MANY, "members/"), ANN),
    Sheet("members", "nothing fits", _in(MANY, "members/?q=nothing-fits"), MIA),
    Sheet("members", "long names", _in(LONG, "members/"), MIA),
    Sheet("members", "operator", _in(LONG, "members/"), OLGA),
    Sheet("member", "one", _in(ONE, f"members/person/{ANN}/"), MIA),
    Sheet("member", "guest", _in(ONE, f"members/person/{GUS}/"), MIA),
    Sheet("member", "long names", _in(LONG, f"members/person/{LENA}/"), MIA),
    Sheet("member_add", "empty", _in(ONE, "members/add/"), MIA),
    Sheet("member_add", "error", _in(ONE, "members/add/"), MIA, _send("Add the member")),
    Sheet("member_change", "one", _in(ONE, f"members/person/{ANN}/change/"), MIA),
    Sheet("member_revoke", "one", _in(ONE, f"members/person/{ANN}/revoke/"), MIA),
    Sheet("member_revoke", "long names", _in(LONG, f"members/person/{LENA}/revoke/"), MIA),
    Sheet("members_extend", "one", _in(ONE, f"members/extend/?member={ANN}"), MIA),
    Sheet("members_message", "long names", _in(LONG, f"members/message/?member={LENA}&member={ANN}"), MIA),
    Sheet("guest_invite", "one", _in(ONE, "members/invite/"), MIA),
    Sheet("guest_invite", "many", _in(MANY, "members/invite/"), MIA),
    Sheet("guest_invite", "error", _in(ONE, "members/invite/"), MIA, _send("Send the invitation")),
    Sheet("guest_invite", "empty", _in(EMPTY, "members/invite/"), MIA),
    Sheet("guest_buckets", "one", _in(ONE, f"members/person/{GUS}/buckets/"), MIA),
    Sheet("invitation_link", "new account", "/invitations/{invitation}/"),
    Sheet("invitation_link", "another person", "/invitations/{invitation}/", NED),
    Sheet("invitation_link", "spent", "/invitations/spent/", HANA),
    Sheet("invitation", "without a link", "/invitation/", HANA),
    Sheet("tenancy_settings", "one", _in(ONE, "settings/"), MIA),
    Sheet("tenancy_settings", "error", _in(ONE, "settings/"), MIA, _spoil_questions),
    Sheet("activity", "one", _in(ONE, "activity/"), MIA),
    Sheet("activity", "many", _in(MANY, "activity/"), MIA),
    Sheet("activity", "nothing fits", _in(EMPTY, "activity/?who=nobody-of-that-name"), MIA),
    Sheet("activity", "long names", _in(LONG, "activity/"), MIA),
    Sheet("notices", "empty", "/notices/", HANA),
    Sheet("notices", "one", "/notices/", ANN),
    Sheet("notices", "many", "/notices/", MIA),
    Sheet("notices", "long names", "/notices/", LENA),
    Sheet("glass_history", "empty", _in(ONE, "break-glass/"), MIA),
    # --- Buckets ---
    Sheet("buckets", "empty", _in(EMPTY, "buckets/"), ANN),
    Sheet("buckets", "one", _in(ONE, "buckets/"), ANN),
    Sheet("buckets", "guest", _in(ONE, "buckets/"), GUS),
    Sheet("buckets", "many", _in(MANY, "buckets/"), MIA),
    Sheet("buckets", "nothing fits", _in(MANY, "buckets/?q=nothing-fits"), MIA),
    Sheet("buckets", "long names", _in(LONG, "buckets/"), LENA),
    Sheet("buckets", "suspended", _in(HELD, "buckets/"), ANN),
    Sheet("buckets", "closing", _in(CLOSING, "buckets/"), ANN),
    Sheet("buckets", "no rights", _in(ONE, "buckets/"), OLGA),
    Sheet("create_bucket", "empty", _in(ONE, "new-bucket/"), ANN),
    Sheet("create_bucket", "manager", _in(ONE, "new-bucket/"), MIA),
    Sheet("create_bucket", "error", _in(ONE, "new-bucket/"), ANN, _send("Create the bucket")),
    Sheet("bucket", "empty", _in(MANY, "buckets/run-01/"), MIA),
    Sheet("bucket", "one", _in(ONE, f"buckets/{BUCKET}/"), ANN),
    Sheet("bucket", "many", _in(MANY, "buckets/run-00/"), MIA),
    Sheet("bucket", "nothing fits", _in(MANY, "buckets/run-00/?q=nothing-fits"), MIA),
    Sheet("bucket", "long names", _in(LONG, f"buckets/{LONG_BUCKET}/?folder={quote(LONG_FOLDER)}"), LENA),
    Sheet("bucket", "quota full", _in(FULL, f"buckets/{BUCKET}/"), ANN),
    Sheet("bucket", "suspended", _in(HELD, f"buckets/{BUCKET}/"), ANN),
    Sheet("bucket", "not there", _in(ONE, "buckets/no-such-bucket/"), ANN),
    Sheet("delete_selected", "one", _in(ONE, f"buckets/{BUCKET}/delete/"), ANN, _select_an_object),
    Sheet("sharing", "one", _in(ONE, f"buckets/{BUCKET}/sharing/"), ANN),
    Sheet("sharing", "long names", _in(LONG, f"buckets/{LONG_BUCKET}/sharing/"), LENA),
    Sheet("sharing", "custom policy", _in(MANY, "buckets/run-02/sharing/"), MIA),
    Sheet("sharing", "public", _in(MANY, "buckets/run-03/sharing/"), MIA),
    Sheet("sharing", "somebody", _in(ONE, f"buckets/{BUCKET}/sharing/?who={GUS}&key={quote(KEY)}"), ANN),
    Sheet("sharing", "nobody", _in(ONE, f"buckets/{BUCKET}/sharing/?who=nobody-of-that-name"), ANN),
    Sheet("change_sharing", "public", _in(MANY, "buckets/run-00/sharing/change/?preset=public-read"), MIA),
    Sheet("change_sharing", "private", _in(MANY, "buckets/run-03/sharing/change/?preset=private"), MIA),
    Sheet("share_with_member", "read", _in(ONE, f"buckets/{BUCKET}/sharing/member/?member={MIA}&reach=read"), ANN),
    Sheet("edit_policy", "empty", _in(ONE, f"buckets/{BUCKET}/sharing/policy/"), ANN),
    Sheet("edit_policy", "error", _in(MANY, "buckets/run-02/sharing/policy/"), MIA, _spoil_policy),
    Sheet("edit_policy", "preview", _in(MANY, "buckets/run-03/sharing/policy/"), MIA, _send("Show what would change")),
    Sheet("bucket_settings", "one", _in(ONE, f"buckets/{BUCKET}/settings/"), ANN),
    Sheet("bucket_settings", "manager", _in(ONE, f"buckets/{BUCKET}/settings/"), MIA),
    Sheet("delete_bucket", "empty", _in(MANY, "buckets/run-01/settings/delete/"), MIA),
    Sheet("delete_bucket", "one", _in(ONE, f"buckets/{BUCKET}/settings/delete/"), ANN),
    Sheet("delete_bucket", "error", _in(MANY, "buckets/run-01/settings/delete/"), MIA, _send("Delete the bucket")),
    # --- Data ---
    Sheet("upload", "empty", _in(FULL, f"buckets/{BUCKET}/upload/"), ANN),
    Sheet("upload", "one", _in(ONE, f"buckets/{BUCKET}/upload/?prefix=2026/"), ANN),
    Sheet("upload", "many", _in(MANY, "buckets/run-00/upload/"), MIA),
    Sheet("upload", "long names", _in(LONG, f"buckets/{LONG_BUCKET}/upload/?prefix={quote(LONG_KEY)}/"), LENA),
    Sheet("upload", "closing", _in(CLOSING, f"buckets/{BUCKET}/upload/"), ANN),
    Sheet("object", "one", _object(ONE, BUCKET, KEY), ANN),
    Sheet("object", "text", _object(ONE, BUCKET, "read-me.txt"), ANN),
    Sheet("object", "JSON", _object(ONE, BUCKET, "facts.json"), ANN),
    Sheet("object", "picture", _object(ONE, BUCKET, "look.png"), ANN),
    Sheet("object", "long names", _object(LONG, LONG_BUCKET, LONG_KEY), LENA),
    Sheet("object", "not there", _object(ONE, BUCKET, "nothing"), ANN),
    Sheet("object", "no rights", _object(ONE, BUCKET, KEY), GUS),
    Sheet("object", "suspended", _object(HELD, BUCKET, KEY), ANN),
    Sheet("object_tags", "empty", _object(ONE, BUCKET, KEY, "tags/"), ANN),
    Sheet("object_tags", "long names", _object(LONG, LONG_BUCKET, LONG_KEY, "tags/"), LENA),
    Sheet("object_metadata", "one", _object(ONE, BUCKET, KEY, "metadata/"), ANN),
    Sheet("object_metadata", "long names", _object(LONG, LONG_BUCKET, LONG_KEY, "metadata/"), LENA),
    Sheet("object_delete", "one", _object(ONE, BUCKET, KEY, "delete/"), ANN),
    Sheet("object_delete", "long names", _object(LONG, LONG_BUCKET, LONG_KEY, "delete/"), LENA),
    Sheet("object_share", "one", _object(ONE, BUCKET, KEY, "share/"), ANN),
    Sheet("object_share", "made", _object(ONE, BUCKET, KEY, "share/"), ANN, _send("Make the link")),
    Sheet("object_share", "long names", _object(LONG, LONG_BUCKET, LONG_KEY, "share/"), LENA, _send("Make the link")),
    Sheet("links", "empty", _in(EMPTY, "links/"), ANN),
    Sheet("links", "one", _in(ONE, "links/"), ANN),
    Sheet("links", "long names", _in(LONG, "links/"), LENA),
    Sheet("delete_prefix", "one", _in(ONE, f"buckets/{BUCKET}/delete-prefix/?prefix=2026/"), ANN),
    Sheet("delete_prefix", "whole bucket", _in(MANY, "buckets/run-00/delete-prefix/?prefix="), MIA),
    Sheet(
        "upload_abort",
        "one",
        _in(ONE, f"buckets/{BUCKET}/upload/abort/?key=2026/unfinished.nc&upload_id={{upload}}"),
        ANN,
    ),
    Sheet("deletion", "stopped", _in(MANY, "deletions/{deletion}/"), MIA),
    Sheet("deletions", "many", _in(MANY, "deletions/"), MIA),
    Sheet("deletions", "empty", _in(EMPTY, "deletions/"), MIA),
    # --- Tenancies from request to close-down ---
    Sheet("ask_for_a_tenancy", "empty", "/ask-for-a-tenancy/", GUS),
    Sheet("ask_for_a_tenancy", "one", "/ask-for-a-tenancy/", NED),
    Sheet("ask_for_a_tenancy", "error", "/ask-for-a-tenancy/", GUS, _send("Send the request")),
    Sheet("my_tenancy_request", "one", "/ask-for-a-tenancy/{wish}/", NED),
    Sheet("my_tenancy_request", "rejected", "/ask-for-a-tenancy/{wish_rejected}/", NED),
    Sheet("my_tenancy_request", "long names", "/ask-for-a-tenancy/{wish_long}/", LENA),
    Sheet("my_tenancy_request", "not theirs", "/ask-for-a-tenancy/{wish}/", HANA),
    Sheet("quota", "empty", _in(EMPTY, "quota/"), ANN),
    Sheet("quota", "many", _in(MANY, "quota/"), MIA),
    Sheet("quota", "guest", _in(ONE, "quota/"), GUS),
    Sheet("quota", "long names", _in(LONG, "quota/"), MIA),
    Sheet("quota", "quota full", _in(FULL, "quota/"), MIA),
    Sheet("quota", "suspended", _in(HELD, "quota/"), MIA),
    Sheet("quota", "operator", _in(ONE, "quota/"), OLGA),
    Sheet("quota_ask", "empty", _in(ONE, "quota/ask/"), MIA),
    Sheet("quota_ask", "error", _in(ONE, "quota/ask/"), MIA, _send("Send the request")),
    Sheet("quota_ask", "asked already", _in(MANY, "quota/ask/"), MIA),
    Sheet("quota_ask", "no rights", _in(ONE, "quota/ask/"), ANN),
    Sheet("quota_buckets", "empty", _in(EMPTY, "quota/buckets/"), MIA),
    Sheet("quota_buckets", "many", _in(MANY, "quota/buckets/"), MIA),
    Sheet("quota_buckets", "long names", _in(LONG, "quota/buckets/"), MIA),
    Sheet("quota_bucket", "one", _in(ONE, f"quota/buckets/{BUCKET}/"), MIA),
    Sheet("leavers", "empty", _in(ONE, "leavers/"), MIA),
    Sheet("leavers", "one", _in(MANY, "leavers/"), MIA),
    Sheet("leavers", "long names", _in(LONG, "leavers/?show=all"), MIA),
    Sheet("leavers_transfer", "one", _in(MANY, "leavers/{lee}/"), MIA),
    Sheet("leavers_transfer", "error", _in(MANY, "leavers/{lee}/"), MIA, _send("Show what would change")),
    Sheet("leavers_transfer", "what would change", _in(MANY, "leavers/{lee}/"), MIA, _plan_transfer),
    Sheet("close", "one", _in(ONE, "close/"), MIA),
    Sheet("close", "error", _in(ONE, "close/"), MIA, _close_another),
    Sheet("close", "many", _in(MANY, "close/"), MIA),
    Sheet("close", "closing", _in(ENDING, "close/"), MIA),
    Sheet("close", "suspended", _in(HELD, "close/"), MIA),
    Sheet("certificate", "one", "/certificates/{certificate}/", MIA),
    Sheet("tenancy_requests", "many", "/operators/tenancy-requests/", OLGA),
    Sheet("tenancy_requests", "decided", "/operators/tenancy-requests/?show=decided", OLGA),
    Sheet("tenancy_request", "one", "/operators/tenancy-requests/{wish}/", OLGA),
    Sheet("tenancy_request", "long names", "/operators/tenancy-requests/{wish_long}/", OLGA),
    Sheet("tenancy_request", "rejected", "/operators/tenancy-requests/{wish_rejected}/", OLGA),
    Sheet("tenancy_request", "error", "/operators/tenancy-requests/{wish}/", OLGA, _reject),
    Sheet("quota_request", "one", "/operators/quota-requests/{quota_wish}/", OLGA),
    Sheet("quota_request", "long names", "/operators/quota-requests/{quota_wish_long}/", OLGA),
    Sheet("closing", "closing", "/operators/closings/{closing}/", OLGA),
    Sheet("closing", "over", "/operators/closings/{closing_over}/", OLGA),
    Sheet("closing", "deleted", "/operators/closings/{certificate}/", OLGA),
    # --- Operators ---
    Sheet("operators", "many", "/operators/", OLGA),
    Sheet("operators", "no rights", "/operators/", MIA),
    Sheet("operators_tenancies", "many", "/operators/tenancies/", OLGA),
    Sheet("operators_new_person", "empty", "/operators/new-person/", OLGA),
    Sheet("operators_new_tenancy", "empty", "/operators/new-tenancy/", OLGA),
    Sheet("operators_tenancy", "one", f"/operators/tenancies/{ONE}/", OLGA),
    Sheet("operators_tenancy", "long names", f"/operators/tenancies/{LONG}/", OLGA),
    Sheet("operators_tenancy", "suspended", f"/operators/tenancies/{HELD}/", OLGA),
    Sheet("operators_tenancy", "closing", f"/operators/tenancies/{CLOSING}/", OLGA),
    Sheet("operators_tenancy", "quota full", f"/operators/tenancies/{FULL}/", OLGA),
    Sheet("operators_break_glass", "empty", f"/operators/tenancies/{ONE}/break-glass/", OLGA),
    Sheet("operators_people", "many", "/operators/people/", OLGA),
    Sheet("operators_person", "one", f"/operators/people/{ANN}/", OLGA),
    Sheet("operators_person", "long names", f"/operators/people/{LENA}/", OLGA),
    Sheet("operators_person", "suspended", f"/operators/people/{HEIDI}/", OLGA),
    Sheet("operators_remove_person", "one", f"/operators/people/{NED}/remove/", OLGA),
    Sheet("operators_tokens", "many", "/operators/tokens/", OLGA),
    Sheet("operators_api_tokens", "empty", "/operators/api-tokens/", OLGA),
    Sheet("operators_add_api_token", "empty", "/operators/api-tokens/add/", OLGA),
    Sheet("operators_add_api_token", "error", "/operators/api-tokens/add/", OLGA, _send("Add")),
    Sheet("operators_jobs", "many", "/operators/jobs/", OLGA),
    Sheet("operators_mail", "many", "/operators/mail/", OLGA),
    Sheet("operators_show_mail", "one", "/operators/mail/{mail}/", OLGA),
    Sheet("operators_site", "one", "/operators/site/", OLGA),
    Sheet("operators_audit", "many", "/operators/audit/", OLGA),
    # --- Errors ---
    Sheet("login_link", "one", "/login-link/{login_link}/"),
    Sheet("login_link", "spent", "/login-link/spent/"),
    Sheet(ERRORS, "no such page", "/nowhere/"),
    Sheet(ERRORS, "no such page, logged in", "/nowhere/", ANN),
)

WITHOUT_PAGE: Final[Mapping[str, str]] = {
    "authority": "a certificate to download",
    "brand_css": "a stylesheet",
    "brand_logo": "a picture",
    "account_reset_password_from_key_done": "leads to the log-in page",
    "account_set_password": "leads who has a password to the page that changes it",
    "activity_export": "a file to download",
    "certificate_file": "a file to download",
    "check_tenancy_name": "JSON for the page that asks for a tenancy",
    "close_manifest": "a file to download",
    "close_take_back": "answers a form, by a redirect",
    "comment_on_my_tenancy_request": "answers a form; its errors are shown by `my_tenancy_request`",
    "comment_on_tenancy_request": "answers a form, by a redirect",
    "check_bucket_name": "JSON for the page that makes a bucket",
    "deletion_cancel": "answers a form, by a redirect",
    "deletion_state": "JSON for the page of a deletion",
    "disconnect_identity": "answers a form, by a redirect",
    "health": "one word for monitoring",
    "invitation_send": "answers a form, by a redirect",
    "invitation_withdraw": "answers a form, by a redirect",
    "join_withdraw": "answers a form, by a redirect",
    "log_out_elsewhere": "answers a form, by a redirect",
    "link_revoke": "answers a form, by a redirect",
    "mfa_download_recovery_codes": "a file to download",
    "mfa_index": "leads to `security`",
    "mfa_list_webauthn": "leads to `security`",
    "mfa_login_webauthn": "JSON for the page to log in",
    "notice_open": "answers a form, by a redirect",
    "notice_read": "answers a form, by a redirect",
    "notices_read": "answers a form, by a redirect",
    "object_download": "leads to the object",
    "api_nothing": "JSON: the answer to what is no route of the API",
    "openapi": "JSON",
    "operators_close_tenancy": "answers a form, by a redirect",
    "operators_end_sessions": "answers a form, by a redirect",
    "operators_give_back": "answers a form, by a redirect",
    "operators_password_link": "answers a form, by a redirect",
    "operators_remove_mail": "answers a form, by a redirect",
    "operators_reset_factors": "answers a form, by a redirect",
    "operators_resume_person": "answers a form, by a redirect",
    "operators_resume_tenancy": "answers a form, by a redirect",
    "operators_revoke_api_token": "answers a form, by a redirect",
    "operators_revoke_token": "answers a form, by a redirect",
    "operators_set_operator": "answers a form, by a redirect",
    "operators_set_quota": "answers a form, by a redirect",
    "operators_suspend_person": "answers a form, by a redirect",
    "operators_suspend_tenancy": "answers a form, by a redirect",
    "quota_withdraw": "answers a form, by a redirect",
    "provider_login": "answers a form, by a redirect",
    "requests_approve": "answers a form; its errors are shown by `requests`",
    "set_cors": "answers a form, by a redirect",
    "sign": "JSON for the page of uploads",
    "socialaccount_connections": "leads to `profile`",
    "theme": "answers a form, by a redirect",
    "upload_check": "JSON for the page of uploads",
    "withdraw_tenancy_request": "answers a form, by a redirect",
}
"""Name of a URL that shows no page of its own → what it does."""
