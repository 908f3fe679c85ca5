"""The table of trust: each client refuses the local authority until it is told, and works once it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.clients import article
from tests.clients.running import Desk
from tests.clients.site import TENANCY, Site
from tests.clients.trust import SYSTEM_STORE, TABLE, Trust

OUTSIDE = "https://my-os-tenancy-o.s3-ext.jc.rl.ac.uk"
_DISTRUST = ("certificate", "CERTIFICATE_VERIFY_FAILED", "SSL validation failed", "x509")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.clients)
def test_a_client_trusts_the_local_authority_only_as_the_table_says(desk: Desk, row: Trust) -> None:
    desk.environment["AWS_MAX_ATTEMPTS"] = "1"
    if row.program:
        desk.use(row.program)
    refused = desk.try_(row.refused)
    assert refused.returncode != 0, refused
    assert any(word in refused.stderr + refused.stdout for word in _DISTRUST), refused
    desk.run("set -e; " + row.trusted)


@pytest.mark.parametrize("program", SYSTEM_STORE)
def test_a_client_takes_the_machines_own_store_of_authorities(the_site: Site, tmp_path: Path, program: str) -> None:
    key = the_site.store.make_key(TENANCY, "alice")
    person = the_site.desk(tmp_path / "person")
    person.environment |= {
        "OUTSIDE": OUTSIDE,
        "AWS_ACCESS_KEY_ID": key.token,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "RCLONE_CONFIG": "/dev/null",
        "MC_HOST_store": f"https://{key.token}:{key.secret}@{OUTSIDE.removeprefix('https://')}",
    }
    person.write(
        ".s3cfg",
        article.filled(
            article.S3CFG_OUTSIDE, access_key_generated_above=key.token, secret_key_generated_above=key.secret
        ),
    )
    if program:
        person.use(program)
    person.run(SYSTEM_STORE[program])
