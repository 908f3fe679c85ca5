"""What each route of the management API needs, by the same table as the pages.

    @route(router, "GET", "/tenancies/{tenancy}/members", TenancyNeed(None))
    def members(request, standing, …):

A route of a tenancy is given how the caller stands there; the token must be of that tenancy, or of the whole site.
`ROUTES` lists them all, so that tests are made from it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple, get_type_hints

from django.http import HttpRequest
from ninja import Header, Router

from holdfast.auth.roles import TABLE, Extent, Right, Role
from holdfast.portal.access import AnyNeed, Need, Standing, TenancyNeed, find_standing
from holdfast.portal.house import acting_through
from holdfast.portal.tokens.models import READ_ONLY
from holdfast.portal.tokens.once import FORM_ID

from .bearer import ApiCaller, Bearer, caller_of
from .errors import NotAllowed, NotThere

View = Callable[..., Any]


class Route(NamedTuple):
    """One route."""

    method: str
    path: str
    need: AnyNeed
    view: View


ROUTES: Final[list[Route]] = []


def route(
    router: Router,
    method: str,
    path: str,
    need: AnyNeed,
    *,
    status: int = 200,
    response: Any = None,
    also: Mapping[int, Any] = MappingProxyType({}),
    **options: Any,
) -> Callable[[View], View]:
    """Make a route of a function, and say what it needs. `also` is what else it answers: status → shape."""

    def decorate(view: View) -> View:
        answers = {status: response, **also} if response is not None else None
        doc = inspect.getdoc(view) or ""
        summary, _, description = doc.partition("\n")
        said = f"{description.strip()}\n\nNeeds: {_in_words(need)}.".strip()
        made: View = router.api_operation(
            [method],
            path,
            auth=Gate(method, need),
            response=answers,
            summary=summary.rstrip("."),
            description=said,
            **options,
        )(_placed(view, need))
        ROUTES.append(Route(method, path, need, view))
        return made

    return decorate


Once = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=f"^{FORM_ID.pattern}$",
        description="Chosen by the caller, a new one for each order, such as a UUID: what is sent again with it is not "
        "done again.",
    ),
]
"""The header of what must not be done twice."""


class Gate(Bearer):
    """Asks for a token, and whether it and its person have what a route needs, before any of the request is read."""

    def __init__(self, method: str, need: AnyNeed) -> None:
        super().__init__()
        self._method = method
        self._need = need

    def authenticate(self, request: HttpRequest, token: str) -> ApiCaller | None:
        """Return who calls; None for a token that does not work. Raises NotThere or NotAllowed."""
        caller = super().authenticate(request, token)
        if caller is None:
            return None
        match = request.resolver_match
        assert match is not None
        if isinstance(self._need, TenancyNeed):
            standing = standing_of(caller, match.kwargs["tenancy"])
            _check(standing, self._need)
            caller = replace(caller, standing=standing)
        elif self._need is Need.OPERATOR and not (caller.person.is_operator and not caller.token.tenancy_id):
            raise NotAllowed("Only operators may do that, with a token of the whole site (Operators → API tokens).")
        if self._method != "GET" and caller.token.scope == READ_ONLY:
            raise NotAllowed("This token only reads: make one without “Read-only”.")
        return caller


def standing_of(caller: ApiCaller, tenancy: str) -> Standing:
    """Return how a caller stands in a tenancy.

    Raises NotThere for who is no member, and for a token of another tenancy: neither learns whether it is there.
    """
    standing = find_standing(caller.person, tenancy)
    if standing is None or caller.token.tenancy_id not in ("", standing.tenancy.tenancy_id):
        raise NotThere
    return standing


def _placed(view: View, need: AnyNeed) -> View:
    """Return a view as ninja reads it: one of a tenancy takes the name from the path, and is given the standing."""
    hints = get_type_hints(view, include_extras=True)
    parameters = list(inspect.signature(view).parameters.values())
    shown = [parameters[0].replace(annotation=HttpRequest)]
    if isinstance(need, TenancyNeed):
        shown.append(inspect.Parameter("tenancy", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=str))
        parameters = parameters[1:]
    shown += [each.replace(annotation=hints[each.name]) for each in parameters[1:]]

    @wraps(view)
    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        caller = caller_of(request)
        with acting_through(caller.token.public_id):
            if isinstance(need, TenancyNeed):
                kwargs.pop("tenancy")
                return view(request, caller.standing, *args, **kwargs)
            return view(request, *args, **kwargs)

    # ninja reads what a route takes from its signature. The strings of annotations are of the view's module, not ours.
    del run.__wrapped__
    run.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in shown}
    return run


def _check(standing: Standing, need: TenancyNeed) -> None:
    right = need.right
    if (right is not None and not standing.may(right)) or (need.in_person and standing.is_operator):
        who = _roles(right) if right is not None else "members"
        raise NotAllowed(f"In {standing.tenancy.name} you are {standing.role.value}. This is for {who}.")


def _roles(right: Right) -> str:
    roles = [role.value for role in Role if TABLE[right][role] not in (Extent.NONE, Extent.BREAK_GLASS)]
    return ", ".join(roles) or "nobody"


def _in_words(need: AnyNeed) -> str:
    if isinstance(need, TenancyNeed):
        if need.right is None:
            return "a member of the tenancy" if need.in_person else "a member of the tenancy, or an operator"
        who = _roles(need.right).removesuffix(", OPERATOR") if need.in_person else _roles(need.right)
        return f"the right “{need.right.value}” ({who})"
    return "whoever has a token" if need is Need.PERSON else need.value
