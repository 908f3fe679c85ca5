"""The commands of the how-to pages work as they stand there, one page a store of its own.

A block after the line `<!-- run -->` is run. So is what stands in a comment `<!-- before … -->`, which readers don't see: it
makes what the page takes for granted, and checks what the page claims.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tests.browser.clerk import clerk_of
from tests.clients.running import Desk
from tests.docs.api_token import make_site_token_for, make_token_in
from tests.serving import Store, holdfast, serve

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"
_STEP = re.compile(
    r"^<!-- before\n(?P<hidden>.*?)^-->$|^<!-- run -->\n```(?:sh|bash)\n(?P<shown>.*?)^```$", re.M | re.S
)
_LOOSE = re.compile(r"^<!-- run -->\n(?!```(?:sh|bash)\n)", re.M)

PRELUDE = r"""
set -euo pipefail
# `! command` in a script without a pipe does not end it, so that a claim of refusal has to be made by a function.
use_key() {
    export AWS_ACCESS_KEY_ID=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["token"])' "$1")
    export AWS_SECRET_ACCESS_KEY=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["secret"])' "$1")
}
refused() {
    if "$@" 2> refusal.txt; then echo "this should have been refused: $*" >&2; exit 1; fi
    grep -qE 'AccessDenied|Access Denied|403|Forbidden' refusal.txt || { cat refusal.txt >&2; exit 1; }
}
set -x
"""


def steps(page: Path) -> list[str]:
    return [match["hidden"] or match["shown"] for match in _STEP.finditer(page.read_text(encoding="utf-8"))]


PAGES = sorted(page for page in HOW_TO.glob("*.md") if steps(page))


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.stem, marks=[pytest.mark.client] if "aws " in "".join(steps(page)) else [])
        for page in PAGES
    ],
)
def test_the_commands_of_a_page_work_as_they_stand_there(page: Path, tmp_path: Path) -> None:
    text = PRELUDE + "\n".join(steps(page))
    desk = Desk(tmp_path / "desk", {"HOLDFAST_HOME": str(tmp_path / "home"), "AWS_DEFAULT_REGION": "us-east-1"})
    program = desk.bin / "holdfast"
    program.write_text("#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in holdfast()) + ' "$@"\n')
    program.chmod(0o755)
    if "aws " in text:
        desk.use("aws")
    calls_api = "PORTAL_TOKEN" in text
    with serve(tmp_path / "home", portal=["127.0.0.1:0"] if calls_api else ()) as store:
        address = store.facts["s3"][0]
        text = text.replace("127.0.0.1:8080", address)
        if calls_api:
            text = text.replace("https://portal.example.org", store.facts["portal_url"])
            desk.environment |= _api_environment(store)
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=desk.home,
            env=desk.environment | {"AWS_ENDPOINT_URL": f"http://{address}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
        )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def _api_environment(store: Store) -> dict[str, str]:
    authority = str(store.home / "tls" / "ca.pem")
    options = {"portal": store.facts["portal"], "portal_url": store.facts["portal_url"]}
    with clerk_of(store.home, options, {}) as clerk:
        secret = clerk.run(make_site_token_for, "olga")
        own = clerk.run(make_token_in, "climate-o", "bob")
    return {"PORTAL_TOKEN": secret, "TENANCY_TOKEN": own, "CURL_CA_BUNDLE": authority, "SSL_CERT_FILE": authority}


def test_no_mark_stands_before_anything_but_a_block_of_commands() -> None:
    for page in HOW_TO.glob("*.md"):
        assert not _LOOSE.search(page.read_text(encoding="utf-8")), page.name


def test_most_pages_for_operators_are_run() -> None:
    run = {page.stem for page in PAGES}
    assert {"manage-tenancies-and-keys", "share-a-bucket", "browser-access", "quota", "monitor"} <= run
