"""A token of the management API for the pages that show how to use it. Run by a clerk, beside the server."""

from __future__ import annotations

from tests.browser.registry import Registry


def make_site_token_for(registry: Registry, name: str) -> str:
    """Make somebody an operator, with alice and bob as people of the site; return the secret of a token of theirs."""
    from holdfast.portal.tokens.api_tokens import make_site_token
    from holdfast.portal.tokens.models import READ_WRITE

    registry.person("alice")
    registry.person("bob")
    return make_site_token(registry.person(name, is_operator=True), "docs", None, scope=READ_WRITE).secret
