"""What allauth asks of a site: who may log in and how often they may try, what mail says, and how seeds are kept."""

from __future__ import annotations

import base64
from typing import Any, Final
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.internal.ratelimit import get_ip
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from holdfast.portal.house import house
from holdfast.portal.notices.outbox import pretend

from . import throttle
from .backends import find_by_login, may_log_in
from .known import find_browser
from .links import absolute
from .models import Person
from .naming import free_name
from .principals import clear_way, is_name_taken
from .recent import proved_lately

_WRONG: Final = "There is no account with this name or e-mail address and this password."


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is not typed
    """Accounts of this site."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": _WRONG,
        "email_password_mismatch": _WRONG,
        "incorrect_password": "This is not your password.",
        "enter_current_password": "This is not your present password.",
        "incorrect_code": "This code is not right, or was used already. Wait for the next one.",
        "too_many_login_attempts": "Too many codes were wrong. Wait a quarter of an hour, then try again.",
        "rate_limited": "Too many codes were wrong. Wait a quarter of an hour, then try again.",
        "duplicate_email": "This is your address already.",
        "same_as_current": "This is your address already.",
        "email_taken": "This address belongs to another account.",
        "invalid_password_reset": "This link does not work any more.",
    }

    # --- who may come in ---------------------------------------------------------------------------------------------

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether anybody may make an account; who was invited comes by a link instead."""
        return house().settings.site.sign_up == "open"

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Check a name for a new account. It is taken, too, when a user of the store has it without an account."""
        name: str = super().clean_username(username, shallow=True)
        if not shallow and is_name_taken(name):
            raise ValidationError("This name is taken. If it is yours, ask for an invitation.", "username_taken")
        return name

    def clean_email(self, email: str) -> str:
        clear_way(email=email)
        checked: str = super().clean_email(email)
        return checked

    def generate_unique_username(self, txts: list[str | None], regex: str | None = None) -> str:
        return free_name(next((text for text in txts if text), "user"))

    def pre_login(self, request: HttpRequest, user: Person, **kwargs: Any) -> HttpResponseBase | None:
        """Refuse whoever is suspended in the catalog, whichever way they came."""
        if not may_log_in(user):
            from allauth.account.internal.stagekit import clear_login

            clear_login(request)
            return self.respond_user_inactive(request, user)  # type: ignore[no-any-return]
        response: HttpResponseBase | None = super().pre_login(request, user, **kwargs)
        return response

    def get_login_stages(self) -> list[str]:
        """Return what stands between a right password and being logged in, in order."""
        own = {"allauth.account.stages.EmailVerificationStage": "holdfast.portal.people.stages.ConfirmedAddress"}
        return [own.get(path, path) for path in super().get_login_stages()]

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Person | None:
        """Return whose name or address and password these are, or None. Raises ValidationError for who must wait."""
        gates = _gates(request, credentials)
        if wait_s := throttle.begin(gates):
            raise ValidationError(
                f"Too many log-ins failed for this account or from your network. Try again in "
                f"{throttle.in_words(wait_s)}, or set a new password.",
                "too_many_login_attempts",
            )
        found: Person | None = super().authenticate(request, **credentials)
        if found is not None:
            throttle.succeed(*gates)
        return found

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Do nothing: `authenticate` has counted the try."""

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        # allauth calls this when a password was set by a link: whoever did that need not wait for failures of others.
        person = find_by_login(credentials.get("email", ""))
        if person is not None:
            throttle.forget(_account(person, ""))

    # --- proving it again --------------------------------------------------------------------------------------------

    def is_reauthentication_required(self, *, app: str = "", **kwargs: Any) -> bool:
        """Whether what is sensitive asks again who it is: not so soon after the log-in, whatever kind it was."""
        return not proved_lately(context.request)

    def get_reauthentication_methods(self, user: Person | AnonymousUser) -> list[dict[str, Any]]:
        """Return the ways to prove it again, the first one first. Who has a second factor proves that one."""
        if isinstance(user, AnonymousUser):
            return []
        found: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        second = [each for each in found if each["id"].startswith("mfa_")]
        if second:
            return second
        if user.has_usable_password() or user.source == "ldap":
            # A directory's people have a password, which allauth can't know of.
            url = reverse("account_reauthenticate")
            return [{"id": "reauthenticate", "description": "Use your password", "url": url}]
        return [{"id": "log_in_again", "description": "Log in again", "url": reverse("log_in_again")}]

    # --- where it leads, and what it says ----------------------------------------------------------------------------

    def is_safe_url(self, url: str | None) -> bool:
        """Whether one may be led to a URL after something: a path of this very site."""
        return is_own_path(url)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("security")

    def get_email_verification_redirect_url(self, email_address: Any) -> str:
        return reverse("profile" if context.request.user.is_authenticated else "account_login")

    def get_reset_password_from_key_url(self, key: str) -> str:
        uid, _, token = key.partition("-")
        return absolute(reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token}))

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return absolute(reverse("account_confirm_email", args=[emailconfirmation.key]))

    def send_password_reset_mail(self, user: Person, email: str, context: dict[str, Any]) -> None:
        """Mail a link, or say who keeps the password of those who have none here."""
        template = "account/email/password_reset_key"
        if not user.keeps_password_here:
            template = "account/email/password_elsewhere"
            context = {"user": user, "provider": provider_name(user)}
        elif not may_log_in(user):
            template, context = "account/email/password_closed", {"user": user}
        self.send_mail(template, email, context)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Put a mail into the outbox. No address in it comes from the request.

        To an address that belongs to no account none goes, or anybody could have us write to strangers; it is made all
        the same, for the answer would else come sooner than for an address that does.
        """
        site = house().settings.site
        mail = self.render_mail(
            template_prefix,
            email,
            {
                "user": None,
                **context,
                "email": email,
                "site_name": site.site_name,
                "support_contact": site.support_contact,
                "sign_up_open": site.sign_up == "open",
                "login_url": absolute(reverse("account_login")),
                "signup_url": absolute(reverse("account_signup")),
                "forgot_url": absolute(reverse("account_reset_password")),
                "security_url": absolute(reverse("security")),
            },
        )
        if template_prefix == "account/email/unknown_account":
            pretend(house().home.outbox, mail.message().as_bytes())
        else:
            mail.send()

    def format_email_subject(self, subject: str) -> str:
        return f"{house().settings.site.site_name}: {subject}"


def is_own_path(url: str | None) -> bool:
    """Whether a URL is a path of this site: no scheme, no host, nothing that a browser takes for one."""
    return bool(url) and str(url).startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)


def provider_name(person: Person) -> str:
    """Return what the place is called that keeps a person's password."""
    site = house().settings.site
    return site.oidc_name if person.source == "oidc" else "your institution's directory"


def _gates(request: HttpRequest, credentials: dict[str, Any]) -> tuple[throttle.Gate, ...]:
    """Return what a try is counted for: the known browser alone, else the account and the address."""
    login = str(credentials.get("username") or credentials.get("email") or "")
    person = find_by_login(login)
    browser = find_browser(request, person) if person is not None else None
    if person is not None and browser is not None:
        return (throttle.browser_gate(person.pk, browser),)
    return _account(person, login), throttle.address_gate(get_ip(request))


def _account(person: Person | None, login: str) -> throttle.Gate:
    # By person where there is one: a name and an address are not two accounts to try.
    return throttle.account_gate(f"person {person.pk}" if person is not None else f"nobody {login.strip().lower()}")


_FACTOR: Final = b"portal-factor"


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors, whose seeds are sealed by the home's keyring."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "This code is not right. Look at the app again: a new one comes every 30 seconds.",
        "unverified_email": "First open the link that was mailed to you: your e-mail address is not confirmed yet.",
    }

    def encrypt(self, text: str) -> str:
        sealed, version = house().keyring.seal(text, _FACTOR)
        return f"{version}:{base64.b64encode(sealed).decode()}"

    def decrypt(self, encrypted_text: str) -> str:
        version, _, sealed = encrypted_text.partition(":")
        return house().keyring.unseal(base64.b64decode(sealed), int(version), _FACTOR)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return whom a passkey is for: the host of the settings, never of the request."""
        return {
            "id": urlsplit(house().settings.portal_origin).hostname or "localhost",
            "name": house().settings.site.site_name,
        }

    def get_totp_issuer(self) -> str:
        return house().settings.site.site_name

    def generate_authenticator_name(self, user: Person, type: Authenticator.Type) -> str:
        return ""


def has_second_factor(person: Person) -> bool:
    """Whether a person's log-in asks for a code or a passkey after the password."""
    return bool(is_mfa_enabled(person, [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]))
