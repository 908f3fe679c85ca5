"""Ending tokens before their time, and telling who held them."""

from __future__ import annotations

from holdfast.admin.access_keys import revoke_access_key, revoke_member_keys
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.notices.notify import notify
from holdfast.portal.people.lookups import people_by_principal
from holdfast.portal.tenancies.pages import tenancy_path

from .api_tokens import revoke_api_token, tenancy_api_tokens
from .ledger import State, Token, count_own, find_token
from .parents import children_of


def revoke(standing: Standing, token: Token) -> bool:
    """End a token that the person may end, and return whether it was not revoked before. Its owner is told."""
    if token.state is State.REVOKED:
        return False
    if token.api_token is not None:
        revoke_api_token(standing.person, token.api_token)
    else:
        revoke_access_key(house().office(standing.person.principal_id), token.token_id)
    _tell_owner(standing, token)
    return True


def revoke_made(standing: Standing, token_id: str) -> int:
    """End what a token made in this tenancy, as far as the person may, and return how many stood till now.

    The owners are told.
    """
    found = (find_token(standing, made) for made in children_of(token_id))
    return sum(revoke(standing, token) for token in found if token is not None)


def revoke_own(standing: Standing) -> int:
    """End all of one's own tokens in a tenancy, and return how many stood till now."""
    person = standing.person
    count = count_own(standing)
    revoke_member_keys(house().office(person.principal_id), standing.tenancy.tenancy_id, person.principal_id)
    for token in tenancy_api_tokens(standing.tenancy, person):
        revoke_api_token(person, token)
    return count


def _tell_owner(standing: Standing, token: Token) -> None:
    owner = people_by_principal([token.owner_id]).get(token.owner_id)
    if owner is None or owner == standing.person:
        return
    tenancy = standing.tenancy.name
    text = (
        f"{standing.person} ({standing.role.value}) revoked your token {token.token_id} “{token.description}” in "
        f"{tenancy}. Programs that use it are refused from now on. Ask them why, or add a new one."
    )
    subject = f"your token in {tenancy} was revoked"
    notify([owner], "token_revoked", subject, text, url=tenancy_path(tenancy, "tokens/"), level="warning")
