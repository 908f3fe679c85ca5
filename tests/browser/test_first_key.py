"""R2, the first key: from the page to log in to a settings file that works, in six clicks or fewer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.browser.conftest import Visit
from tests.browser.desk import desk_with_names
from tests.browser.place import Place
from tests.browser.registry import PASSWORD, make_member
from tests.browser.visitor import Visitor

CLICKS_MAX = 6
_S3FS = """
import json, s3fs
facts = json.load(open("credentials.json"))
store = s3fs.S3FileSystem(anon=False, key=facts["token"], secret=facts["secret"],
    client_kwargs={"endpoint_url": facts["endpoint_url"], "verify": "ca.pem"})
with store.open("first/by-s3fs", "wb") as file:
    file.write(b"s3fs was here")
print(sorted(store.ls("first")))
"""


@pytest.mark.parametrize("by", ["mouse", "keyboard", "firefox"])
def test_a_member_holds_a_working_settings_file_in_six_clicks(
    town: Place, visit: Visit, tmp_path: Path, by: str
) -> None:
    tenancy, name = f"first-{by}-o", f"rosa-{by}"
    town.clerk.run(make_member, tenancy, name)
    rosa = visit(by=by).go("/").log_in(name, PASSWORD)
    # The list of what to do first leads there.
    rosa.click("Add a token").is_at("Add a token")
    assert not rosa.page.get_by_label("Password").count(), "a second password prompt right after the log-in"
    rosa.fill("Description", "laptop").click("Add").is_at("Your new token")
    with rosa.under("From anywhere (https)"):
        settings = rosa.download("Download s3cfg-ext")
    assert rosa.clicks <= CLICKS_MAX
    rosa.click("Test this token").sees("It works", "It sees no bucket yet")
    rosa.download("Download ca.pem")
    with rosa.under("From anywhere (https)"):
        rosa.choose("Tool", "JSON")
        rosa.download("Download credentials.json")
    secret = re.findall(r"^secret_key = (\S+)$", settings.read_text(), re.MULTILINE)[0]
    assert re.fullmatch(r"[A-Za-z0-9]{40,}", secret)

    desk = desk_with_names(rosa.folder, [f"{tenancy}.s3-ext.localhost"])
    desk.run(
        "s3cmd -c s3cfg-ext mb s3://first && date >some-file && s3cmd -c s3cfg-ext put some-file s3://first/by-s3cmd"
    )
    assert "s3://first/by-s3cmd" in desk.run("s3cmd -c s3cfg-ext ls s3://first")
    assert desk.python(_S3FS).strip() == "['first/by-s3cmd', 'first/by-s3fs']"

    _is_never_shown_again(rosa, secret)


def _is_never_shown_again(visitor: Visitor, secret: str) -> None:
    visitor.page.reload()
    visitor.is_at("This token is already made")
    assert secret not in visitor.page.content()
    visitor.click("To the tokens").sees("laptop", "ACTIVE")
    assert secret not in visitor.page.content()


def test_the_way_that_the_article_tells_leads_there_too(town: Place, visit: Visit) -> None:
    """The seed: “click on the cog icon and select Tokens”, then “Add”."""
    town.clerk.run(make_member, "article-o", "arta")
    arta = visit().go("/").log_in("arta", PASSWORD)
    arta.click("article-o").click("Settings").click("Tokens").is_at("Tokens").click("Add")
    arta.fill("Description", "from the article").choose("Expiration date", "1 year").tick("S3 Secret Key")
    arta.click("Add").is_at("Your new token").sees("Access key (token)", "S3 Secret Key")
    arta.click("Back to the tokens").sees("from the article", "ACTIVE")


def test_a_revoked_token_is_refused_at_once_and_says_so(town: Place, visit: Visit) -> None:
    town.clerk.run(make_member, "revoked-o", "rolf")
    rolf = visit().go("/").log_in("rolf", PASSWORD).go("/tenancies/revoked-o/tokens/add/")
    rolf.fill("Description", "lost laptop").click("Add").is_at("Your new token")
    token = rolf.page.locator("#new-token-id").inner_text()
    other = rolf.context.new_page()
    other.goto(f"{town.origin}/tenancies/revoked-o/tokens/{token}/revoke/")
    other.get_by_role("button", name="Revoke").click()
    other.close()
    rolf.click("Test this token").sees("The store said 403 InvalidAccessKeyId", "Request id")
    rolf.forgive("403")
