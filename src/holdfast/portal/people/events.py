"""What happens to accounts: into the log, and what changes who can log in into the audit, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from allauth.socialaccount import signals as social
from django.contrib.auth import signals as auth
from django.http import HttpRequest

from holdfast.admin.users import set_email
from holdfast.portal.house import house
from holdfast.telemetry.log import get_log

from .agents import describe_agent
from .known import remember
from .models import Person
from .sessions import begin

_log = get_log("portal")


def record(person: Person, action: str, detail: Mapping[str, Any]) -> None:
    """Write an audit row for what a person did with their own account. `detail` holds no secret."""
    house().office(person.principal_id).record(action, person.name, detail=detail)


def logged_in(sender: Any, request: HttpRequest, user: Person, **_: Any) -> None:
    begin(request.session, describe_agent(request.headers.get("User-Agent", "")))
    remember(request, user)
    _log.info("somebody logged in", person=user.name, address=_address(request))


def login_failed(sender: Any, credentials: Mapping[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    # Not what was typed as a name: people type passwords there, too.
    _log.info("a log-in failed", address=_address(request) if request is not None else "")


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


def password_changed(sender: Any, user: Person, request: HttpRequest | None = None, **_: Any) -> None:
    record(user, "person.password", {})
    if request is not None and request.user == user:
        # The cookie of before ended with the password of before.
        remember(request, user)


def factor_added(sender: Any, user: Person, authenticator: Any, **_: Any) -> None:
    record(user, "person.factor.add", {"type": str(authenticator.type)})


def factor_removed(sender: Any, user: Person, authenticator: Any, **_: Any) -> None:
    record(user, "person.factor.remove", {"type": str(authenticator.type)})


def identity_added(sender: Any, sociallogin: Any, **_: Any) -> None:
    from .oidc import give_roles

    give_roles(sociallogin.user)
    record(sociallogin.user, "person.identity.add", {})


def address_changed(sender: Any, user: Person, to_email_address: Any, **_: Any) -> None:
    from .principals import find_principal

    principal = find_principal(user.principal_id)
    if principal is not None:
        set_email(house().office(user.principal_id), principal.name, to_email_address.email)


def listen() -> None:
    """Listen to all of it. Once in a process."""
    auth.user_logged_in.connect(logged_in, dispatch_uid="portal")
    auth.user_login_failed.connect(login_failed, dispatch_uid="portal")
    for signal in (account.password_changed, account.password_set, account.password_reset):
        signal.connect(password_changed, dispatch_uid="portal")
    mfa.authenticator_added.connect(factor_added, dispatch_uid="portal")
    mfa.authenticator_reset.connect(factor_added, dispatch_uid="portal")
    mfa.authenticator_removed.connect(factor_removed, dispatch_uid="portal")
    social.social_account_added.connect(identity_added, dispatch_uid="portal")
    account.email_changed.connect(address_changed, dispatch_uid="portal")
