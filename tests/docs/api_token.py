"""Tokens of the management API for the pages that show how to use it. Made by a clerk, beside the server."""

from __future__ import annotations

from tests.browser.registry import Registry


def make_site_token_for(registry: Registry, name: str) -> str:
    """Make somebody an operator, with alice and bob as people of the site; return the secret of a token of theirs."""
    from holdfast.portal.tokens.api_tokens import make_site_token
    from holdfast.portal.tokens.models import READ_WRITE

    registry.person("alice")
    registry.person("bob")
    return make_site_token(registry.person(name, is_operator=True), "docs", None, scope=READ_WRITE).secret


def make_token_in(registry: Registry, tenancy: str, name: str) -> str:
    """Make somebody a member of a tenancy, both being made; return the secret of a token of theirs there."""
    from holdfast.portal.access import find_standing
    from holdfast.portal.tokens.api_tokens import make_api_token
    from holdfast.portal.tokens.models import READ_WRITE

    person = registry.member(tenancy, name)
    standing = find_standing(person, tenancy)
    assert standing is not None
    return make_api_token(standing, person, "docs", None, scope=READ_WRITE).secret
