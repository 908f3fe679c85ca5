"""The routes of the management API as tests walk them: who calls, with which token, about what."""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.portal import samples

from holdfast.auth.roles import Role

HERE, ELSEWHERE = "here-o", "elsewhere-o"
ROLES = (Role.GUEST, Role.USER, Role.DEPUTY, Role.MANAGER)


class Caller:
    """A program with a token, or without."""

    def __init__(self, town: Any, secret: str = "") -> None:
        self._client = town.client()
        self._headers = {"authorization": f"Bearer {secret}"} if secret else {}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self._client.generic(
            method,
            f"/api/v1{path}",
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={**self._headers, **headers},
        )


def token_for(town: Any, person: Any, tenancy: str, *, read_only: bool = False) -> str:
    """Make a token; an empty tenancy is the whole site."""
    from holdfast.portal.access import find_standing
    from holdfast.portal.tokens.api_tokens import make_api_token, make_site_token
    from holdfast.portal.tokens.models import READ_ONLY, READ_WRITE

    scope = READ_ONLY if read_only else READ_WRITE
    if not tenancy:
        return make_site_token(person, "test", None, scope=scope).secret
    standing = find_standing(person, tenancy)
    assert standing is not None
    return make_api_token(standing, person, "test", None, scope=scope).secret


def caller(town: Any, role: Role, tenancy: str = HERE, *, read_only: bool = False) -> Caller:
    if role is Role.OPERATOR:
        return Caller(town, token_for(town, town.person("olga"), "", read_only=read_only))
    person = town.person(f"{tenancy[:4]}-{role.value.lower()}")
    return Caller(town, token_for(town, person, tenancy, read_only=read_only))


def settle(town: Any) -> Any:
    """Make two tenancies with a member of each role, an operator, and somebody who belongs to none."""
    for tenancy in (HERE, ELSEWHERE):
        town.tenancy(tenancy)
        for role in ROLES[1:]:
            town.member(tenancy, f"{tenancy[:4]}-{role.value.lower()}", role)
        samples.settle(town, tenancy)
        samples.make_guest(town, tenancy, f"{tenancy[:4]}-guest")
    town.operator()
    town.person("stranger")
    return town


def once() -> dict[str, str]:
    """A header that says of a call that it is the first of its kind."""
    return {"idempotency-key": str(uuid.uuid4())}


def error_of(answer: Any) -> Any:
    """Return what an error says, without the id that differs each time."""
    return {name: value for name, value in answer.json()["error"].items() if name != "request_id"}
