"""Tokens in the portal: who may make, see, rotate and revoke which, and where a secret is and is not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from holdfast.auth.roles import Role

TENANCY = "a-o"
LIST = f"/tenancies/{TENANCY}/tokens/"
ADD = f"{LIST}add/"


def form_id(answer: Any) -> str:
    found = re.search(r'name="form_id" value="([^"]+)"', answer.content.decode())
    assert found is not None, answer.content.decode()
    return found[1]


def fields(client: Any, url: str = ADD, **more: Any) -> dict[str, Any]:
    """What a browser would send of the form as it is shown, with changes."""
    given = {"form_id": form_id(client.get(url)), "description": "laptop", "expiration": "90", "s3": "on", **more}
    return {name: value for name, value in given.items() if value is not None}


def shown(answer: Any, name: str) -> str:
    """Return a value of the page that hands out: `new-token-id` or `new-token-secret`."""
    found = re.search(rf'id="{name}"[^>]*>([^<]+)<', answer.content.decode())
    assert found is not None, answer.content.decode()[:3000]
    return found[1]


def make(client: Any, **more: Any) -> tuple[str, str]:
    answer = client.post(ADD, fields(client, **more))
    assert answer.status_code == 200, answer.content.decode()
    return shown(answer, "new-token-id"), shown(answer, "new-token-secret")


def key_rows(town: Any) -> list[Any]:
    from holdfast.catalog.rows import ACCESS_KEYS

    with town.house.catalog.read() as rows:
        return list(rows.scan(ACCESS_KEYS))


def test_a_member_makes_a_pair_and_finds_it_in_the_list(town: Any) -> None:
    client = town.client(town.member(TENANCY, "ann"))
    assert "No tokens yet" in client.get(LIST).content.decode()
    token, secret = make(client)
    (row,) = key_rows(town)
    assert re.fullmatch("[A-Z0-9]{20}", token)
    assert re.fullmatch("[A-Za-z0-9]{40}", secret)
    assert (row.access_key_id, row.description, row.read_only) == (token, "laptop", 0)
    text = client.get(LIST).content.decode()
    for word in (token, "laptop", "ACTIVE", "read and write", "not yet", "ann"):
        assert word in text
    assert secret not in text
