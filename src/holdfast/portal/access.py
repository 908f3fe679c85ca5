"""Who may see which page. Each page says what it needs; one that says nothing is refused (`middleware.DefaultDeny`).

    @page(Need.PERSON)                      whoever is logged in
    @tenancy_page(Right.OTHERS_TOKENS)      a member of the tenancy in the URL whose live role has this right
    @tenancy_page(None)                     any member of it, and operators

What a page needs stands on its function as `need`, so that tests are made from the URL map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, cast

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from holdfast.admin.break_glass import SOURCE as BREAK_GLASS
from holdfast.admin.managers import is_live
from holdfast.auth.roles import Extent, Right, Role, extent
from holdfast.catalog.rows import MEMBERS, TENANCIES, MemberRow, TenancyRow

from .house import house

if TYPE_CHECKING:
    from .people.models import Person

LOGIN_ENDED: Final = "/account/login/?ended=yes"
"""The log-in page, which says that one was logged out."""

Given = ParamSpec("Given")
View = Callable[..., HttpResponseBase]


class Need(Enum):
    """What a page needs of who asks for it."""

    ANYBODY = "anybody"
    PERSON = "whoever is logged in"
    OPERATOR = "an operator"


@dataclass(frozen=True, slots=True)
class TenancyNeed:
    """What a page of one tenancy needs: membership, and a right of the live role."""

    right: Right | None
    """None = every member, and operators."""
    in_person: bool = False
    """Whether only a member may: an operator who is none is refused, whatever the table gives operators."""


AnyNeed = Need | TenancyNeed


@dataclass(frozen=True, slots=True)
class Standing:
    """A person in a tenancy, as the catalog has it now."""

    tenancy: TenancyRow
    person: Person
    member: MemberRow | None
    """None for an operator who is no member."""
    role: Role

    def extent(self, right: Right) -> Extent:
        """How far a right of this person reaches in this tenancy."""
        return extent(self.role, right)

    def may(self, right: Right) -> bool:
        """Whether this person has the right in this tenancy at all."""
        return self.extent(right) not in (Extent.NONE, Extent.BREAK_GLASS)

    @property
    def is_manager(self) -> bool:
        return self.role is Role.MANAGER

    @property
    def broke_glass(self) -> bool:
        """Whether they are here by break-glass: an operator, and a member for some hours."""
        return self.member is not None and self.member.source == BREAK_GLASS

    @property
    def is_operator(self) -> bool:
        """Whether they are here by being an operator, not as a member."""
        return self.role is Role.OPERATOR


def person_of(request: HttpRequest) -> Person | None:
    """Return who is logged in, or None."""
    user = getattr(request, "user", None)
    return cast("Person", user) if user is not None and user.is_authenticated else None


def signed_in(request: HttpRequest) -> Person:
    """Return who is logged in, for pages that need it."""
    person = person_of(request)
    assert person is not None, "the page needs a person"
    return person


def find_standing(person: Person, tenancy_name: str) -> Standing | None:
    """Return how a person stands in a tenancy; None for who is no live member, and for a tenancy that is not there."""
    opened = house()
    with opened.catalog.read() as rows:
        found = rows.scan(TENANCIES, (tenancy_name,), index="by_name", count_max=1)
        if not found:
            return None
        tenancy = found[0]
        member = rows.find(MEMBERS, (tenancy.tenancy_id, person.principal_id))
    if member is not None and is_live(member, opened.now_us()):
        return Standing(tenancy, person, member, Role(member.role))
    return Standing(tenancy, person, None, Role.OPERATOR) if person.is_operator else None


def page(need: Need) -> Callable[[Callable[Given, HttpResponseBase]], Callable[Given, HttpResponseBase]]:
    """Say what a page needs."""

    def decorate(view: Callable[Given, HttpResponseBase]) -> Callable[Given, HttpResponseBase]:
        setattr(view, "need", need)  # noqa: B010
        return view

    return decorate


def tenancy_page(
    right: Right | None, *, in_person: bool = False
) -> Callable[[Callable[Concatenate[HttpRequest, Standing, Given], HttpResponseBase]], View]:
    """Make a page of one tenancy: the view is given how the person stands in the tenancy that the URL names `tenancy`.

    Who is no member gets the page that asks to join, whatever page it was and whether there is such a tenancy or not.
    """
    need = TenancyNeed(right, in_person)

    def decorate(view: Callable[Concatenate[HttpRequest, Standing, Given], HttpResponseBase]) -> View:
        @wraps(view)
        def run(request: HttpRequest, tenancy: str, *args: Given.args, **kwargs: Given.kwargs) -> HttpResponseBase:
            from .errors import Forbidden
            from .joining.views import ask_to_join

            standing = find_standing(signed_in(request), tenancy)
            if standing is None:
                return ask_to_join(request, tenancy)
            if (right is not None and not standing.may(right)) or (in_person and standing.is_operator):
                raise Forbidden(standing, right)
            return view(request, standing, *args, **kwargs)

        setattr(run, "need", need)  # noqa: B010
        return run

    return decorate


# Pages that others wrote, by the name of their URL.
FOREIGN: Final[dict[str, AnyNeed]] = {
    "account_login": Need.ANYBODY,
    "account_inactive": Need.ANYBODY,
    "account_confirm_email": Need.ANYBODY,
    "account_email_verification_sent": Need.ANYBODY,
    "account_reset_password": Need.ANYBODY,
    "account_reset_password_done": Need.ANYBODY,
    "account_reset_password_from_key": Need.ANYBODY,
    "account_reset_password_from_key_done": Need.ANYBODY,
    "account_logout": Need.ANYBODY,
    "account_reauthenticate": Need.PERSON,
    "account_change_password": Need.PERSON,
    "mfa_authenticate": Need.ANYBODY,
    "mfa_reauthenticate": Need.PERSON,
    "mfa_reauthenticate_webauthn": Need.PERSON,
    "mfa_login_webauthn": Need.ANYBODY,
    "mfa_activate_totp": Need.PERSON,
    "mfa_deactivate_totp": Need.PERSON,
    "mfa_generate_recovery_codes": Need.PERSON,
    "mfa_view_recovery_codes": Need.PERSON,
    "mfa_download_recovery_codes": Need.PERSON,
    "mfa_add_webauthn": Need.PERSON,
    "mfa_edit_webauthn": Need.PERSON,
    "mfa_remove_webauthn": Need.PERSON,
    "socialaccount_login_cancelled": Need.ANYBODY,
}


def find_need(request: HttpRequest, view: View) -> AnyNeed | None:
    """Return what a page needs, or None for one that doesn't say."""
    own = getattr(view, "need", None)
    if own is not None:
        return cast(AnyNeed, own)
    match = request.resolver_match
    if match is None:
        return None
    # The management API asks for a bearer token itself, at each of its routes.
    return Need.ANYBODY if "ninja" in match.app_names else FOREIGN.get(match.url_name or "")


def check_access(request: HttpRequest, need: AnyNeed | None) -> HttpResponseBase | None:
    """Return the refusal or the way to the log-in page, or None for who may go on.

    A page of a tenancy checks the standing itself, and only wants somebody to be logged in here.
    """
    from .errors import forbidden

    if need is Need.ANYBODY:
        return None
    person = person_of(request)
    if need is None:
        return forbidden(request, "This page does not say who may see it, so nobody may.")
    if person is None:
        # A browser that comes with a session which is over was logged out: by an operator, elsewhere, or by time.
        was_in = settings.SESSION_COOKIE_NAME in request.COOKIES and request.session.is_empty()
        return redirect_to_login(request.get_full_path(), LOGIN_ENDED if was_in else None)
    if need is Need.OPERATOR and not person.is_operator:
        return forbidden(request, "Only operators of this site may see this page.")
    return None
