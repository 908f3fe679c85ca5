"""Tokens of a tenancy: listed, made for oneself, rotated and revoked, by the rules of their pages."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables
from ninja import Router, Status

from holdfast.admin.access_keys import NewKey
from holdfast.admin.endpoints import endpoints_of
from holdfast.admin.errors import AdminError, Refused
from holdfast.admin.office import DAY_US
from holdfast.auth.roles import Right
from holdfast.portal.access import Standing, TenancyNeed
from holdfast.portal.house import house
from holdfast.portal.tokens import ending, lifetimes, making, once
from holdfast.portal.tokens.api_tokens import NewApiToken
from holdfast.portal.tokens.ledger import State, Token, find_token, tokens_after
from holdfast.portal.tokens.suggesting import suggest

from . import shapes
from .bearer import caller_of
from .errors import MadeBefore, NotThere
from .needs import Once, route
from .paging import After, Limit, page_of

router = Router(tags=["tokens"])


def _shown(token: Token) -> dict[str, Any]:
    return {
        "id": token.token_id,
        "kind": token.kind,
        "owner": token.user_name,
        "description": token.description,
        "scope": token.scope,
        "state": token.state.value,
        "created_at": shapes.moment(token.created_at_us),
        "expires_at": shapes.moment_or_none(token.ends_at_us),
        "last_used_at": shapes.moment_or_none(token.last_used_us),
        "made_by": token.parent_id,
    }


def _new(standing: Standing, made: NewKey | NewApiToken) -> dict[str, Any]:
    is_pair = isinstance(made, NewKey)
    end_us = made.ends_at_us if isinstance(made, NewKey) else made.token.expires_at_us
    # With the fields that every credentials file has, so that programs read the answer as it is.
    endpoints = endpoints_of(house().serving(), standing.tenancy.name) if is_pair else None
    return {
        "id": making.id_of(made),
        "kind": "s3" if is_pair else "api",
        "token": making.id_of(made) if is_pair else None,
        "secret": made.secret,
        "endpoint_url": endpoints.inside if endpoints else None,
        "endpoint_url_ext": endpoints.outside if endpoints else None,
        "expires_at": shapes.moment_or_none(end_us),
    }


@route(router, "GET", "/tenancies/{tenancy}/tokens", TenancyNeed(None), response=shapes.Page[shapes.Token])
def tokens(
    request: HttpRequest,
    standing: Standing,
    limit: Limit = 50,
    after: After = "",
    q: str = "",
    state: Literal["", "ACTIVE", "EXPIRING", "EXPIRED", "REVOKED", "SUSPENDED"] = "",
    mine: bool = False,
) -> dict[str, Any]:
    """List tokens, the newest first: everybody's for who may see others', else one's own."""
    mine = mine or not standing.may(Right.OTHERS_TOKENS)
    person = standing.person if mine else None
    found, has_more = tokens_after(standing, person, q.strip()[:200], state, after, limit)
    return page_of([_shown(each) for each in found], found[-1].token_id if has_more else None)


@route(router, "GET", "/tenancies/{tenancy}/tokens/{token}", TenancyNeed(None), response=shapes.Token)
def one_token(request: HttpRequest, standing: Standing, token: str) -> dict[str, Any]:
    """Show a token."""
    return _shown(_get(standing, token))


@route(
    router,
    "POST",
    "/tenancies/{tenancy}/tokens",
    TenancyNeed(Right.OWN_TOKENS),
    status=201,
    response=shapes.NewToken,
    also={202: shapes.Done},
)
@sensitive_variables()
def make_token(request: HttpRequest, standing: Standing, said: shapes.MakeToken, once_key: Once) -> Status[Any]:
    """Make a token for oneself, and show its secret in this one answer. It never reaches more than the role does.

    It ends with the token that calls at the latest: by itself where nothing is said, and a later `last_day` is refused.
    An operator who is no member makes none: with `owner`, that member is mailed a link to the form, filled in, and the
    answer is 202.
    """
    opened = house()
    limits, now_us = opened.settings.limits, opened.now_us()
    if said.never_ends and said.last_day is not None:
        raise Refused("give `last_day` or `never_ends`, not both")
    choice = lifetimes.NEVER if said.never_ends else lifetimes.initial(limits)
    if said.last_day is not None:
        choice = lifetimes.CUSTOM
        if fault := lifetimes.fault_of(said.last_day, limits, now_us):
            raise Refused(f"`last_day`: {fault}")
    if said.owner and not standing.is_operator:
        raise Refused("only an operator suggests tokens to others: leave `owner` out")
    end = lifetimes.end_us(choice, said.last_day, now_us)
    latest_us = caller_of(request).token.expires_at_us
    if latest_us is not None and end != "never":
        is_same_day = said.last_day is not None and end - DAY_US < latest_us
        if said.last_day is None or is_same_day:
            end = min(end, latest_us)
    wish = making.Wish(
        description=said.description,
        end=end,
        s3=said.s3,
        read_only=said.read_only,
        buckets=said.buckets,
        prefixes=said.prefixes,
        owner=said.owner,
    )
    person = caller_of(request).person
    if not once.claim(person, once_key):
        raise MadeBefore
    try:
        if standing.is_operator:
            owner = suggest(standing, wish)
            return Status(202, {"done": f"no token is made: {owner.user_name} was mailed a link to the filled-in form"})
        made = making.make(standing, wish, caller_of(request).token)
    except AdminError:
        once.give_back(person, once_key)
        raise
    return Status(201, _new(standing, made))


@route(
    router,
    "POST",
    "/tenancies/{tenancy}/tokens/{token}/rotate",
    TenancyNeed(Right.OWN_TOKENS, in_person=True),
    status=201,
    response=shapes.NewToken,
)
@sensitive_variables()
def rotate_token(
    request: HttpRequest, standing: Standing, token: str, said: shapes.RotateToken, once_key: Once
) -> Status[Any]:
    """Make a new secret in the place of one of one's own tokens, which ends now or after the overlap.

    It lives as long as the old one was made to live, and ends with the token that calls at the latest.
    """
    found = _get(standing, token)
    if found.owner_id != standing.person.principal_id:
        raise NotThere
    if not once.claim(standing.person, once_key):
        raise MadeBefore
    try:
        made = making.rotate(standing, found, said.overlap_s * 1_000_000, caller_of(request).token)
    except AdminError:
        once.give_back(standing.person, once_key)
        raise
    return Status(201, _new(standing, made))


@route(router, "DELETE", "/tenancies/{tenancy}/tokens/{token}", TenancyNeed(None), response=shapes.Done)
def revoke_token(request: HttpRequest, standing: Standing, token: str, made: bool = False) -> dict[str, str]:
    """End a token: one's own, or another's by the right to, which its owner is told. Idempotent.

    With `made=true`, the tokens of this tenancy that it made end, too.
    """
    found = _get(standing, token)
    if found.state is not State.REVOKED:
        ending.revoke(standing, found)
    if made:
        ending.revoke_made(standing, token)
    return {"done": f"{token} is revoked"}


def _get(standing: Standing, token_id: str) -> Token:
    found = find_token(standing, token_id)
    if found is None:
        raise NotThere
    return found
