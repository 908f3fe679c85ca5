"""Log-in by an OpenID Connect provider: allauth's dance, with the checks that it leaves to a site.

Every answer's signature, issuer, audience and nonce are checked; the issuer must be the one of the settings; what the
provider calls an address counts only where it says that it verified it; and no identity is tied to an account by an
address, only by the person's own act while they are logged in. Calls go to the provider alone, by https, with a
time-out, and follow no redirect.

Source: https://openid.net/specs/openid-connect-core-1_0.html (3.1.2.1 nonce, 3.1.3.7 ID token, 5.3.2 userinfo).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

import jwt
import requests
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, _build_apps_from_settings, get_adapter
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from holdfast.admin.errors import Taken
from holdfast.config import SettingError
from holdfast.portal.errors import error_page
from holdfast.portal.house import house
from holdfast.portal.upstream import check_url
from holdfast.telemetry.log import get_log

from .forms import check_line
from .groups import login_end_us, reconcile
from .links import absolute
from .models import Person
from .naming import free_name
from .principals import clear_way, is_gone, retire

_log = get_log("portal")
TIMEOUT_S: Final = 10
LEEWAY_S: Final = 60
GROUPS_MAX: Final = 2_000
NAME_TRIES: Final = 5
_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


class ProviderFault(OAuth2Error):  # type: ignore[misc]  # allauth is not typed
    """The provider's answer can't be believed. The text says why, and holds nothing secret."""


class Session(requests.Session):
    """Calls to the provider: each with a time-out, none that is led elsewhere."""

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs |= {"timeout": TIMEOUT_S, "allow_redirects": False}
        return super().request(method, url, *args, **kwargs)


class Endpoint(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """The provider's end of the dance."""

    expected_nonce = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        """Return what the provider says of itself. Raises ProviderFault where it is another one than the settings'."""
        if not hasattr(self, "_checked_config"):
            try:
                found: dict[str, Any] = super().openid_config
            except ValueError as error:
                raise ProviderFault("its configuration is not JSON, or it leads elsewhere") from error
            self._checked_config = _check_config(found, house().settings.site.oidc_issuer)
        return self._checked_config

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        return absolute(reverse("provider_callback"))

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        """Return who logs in, once all that the provider said was checked. Raises ProviderFault."""
        id_token = kwargs["response"].get("id_token")
        if not isinstance(id_token, str):
            raise ProviderFault("it sent no ID token")
        claims = check_id_token(
            id_token, self._keys(), self.openid_config["issuer"], app.client_id, self.expected_nonce
        )
        if "userinfo_endpoint" in self.openid_config:
            try:
                more = self._fetch_user_info(token.token)
            except ValueError as error:
                raise ProviderFault("what it says of the person is not JSON") from error
            if not isinstance(more, dict) or more.get("sub") != claims["sub"]:
                raise ProviderFault("what it says of the person is of another one")
            claims = more | claims
        return self.get_provider().sociallogin_from_response(request, claims)

    def _keys(self) -> Any:
        with get_adapter().get_requests_session() as session:
            response = session.get(self.openid_config["jwks_uri"])
            response.raise_for_status()
            try:
                return response.json()
            except ValueError as error:
                raise ProviderFault("its keys are not JSON") from error


def _check_config(found: Any, issuer: str) -> dict[str, Any]:
    if not isinstance(found, dict) or str(found.get("issuer", "")).rstrip("/") != issuer:
        raise ProviderFault("it calls itself another issuer than `oidc_issuer` says")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
        try:
            if name in found or name != "userinfo_endpoint":
                check_url(str(found.get(name, "")), name)
        except SettingError as error:
            raise ProviderFault(str(error)) from None
    return found


def check_id_token(token: str, keys: Any, issuer: str, client_id: str, nonce: str) -> dict[str, Any]:
    """Return the claims of an ID token. Raises ProviderFault unless it was made for this very log-in."""
    try:
        header = jwt.get_unverified_header(token)
        candidates = [key for key in jwt.PyJWKSet.from_dict(keys).keys if key.public_key_use in (None, "sig")]
        chosen = [key for key in candidates if header.get("kid") in (None, key.key_id)]
        if len(chosen) != 1:
            raise ProviderFault("its ID token names a key that it doesn't have")
        claims: dict[str, Any] = jwt.decode(
            token,
            key=chosen[0],
            algorithms=list(_ALGORITHMS),
            audience=client_id,
            issuer=issuer,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except jwt.PyJWTError as error:
        raise ProviderFault(f"its ID token is not valid ({type(error).__name__})") from None
    if not nonce or not secrets.compare_digest(str(claims.get("nonce", "")), nonce):
        raise ProviderFault("its ID token was made for another log-in")
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != client_id:
        raise ProviderFault("its ID token was made for somebody else")
    return claims


class Callback(OAuth2CallbackView):  # type: ignore[misc]
    """Where the provider leads back to."""

    def _get_state(self, request: HttpRequest, provider: Any) -> Any:
        state, response = super()._get_state(request, provider)
        if state is not None:
            self.adapter.expected_nonce = state.get("nonce", "")
        return state, response


class Institution(OpenIDConnectProvider):  # type: ignore[misc]
    """The provider of the settings."""

    package = "allauth.socialaccount.providers.openid_connect"
    oauth2_adapter_class = Endpoint

    def get_login_url(self, request: HttpRequest, **kwargs: Any) -> str:
        query = f"?{urlencode(kwargs)}" if kwargs else ""
        return reverse("provider_login") + query

    def get_callback_url(self) -> str:
        return reverse("provider_callback")

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        """Return what is asked for: what the settings say, whatever the request wants."""
        return list(self.get_default_scope())

    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, str]:
        """Return more parameters: who has to prove again who they are is asked for a password there, too."""
        return {"prompt": "login", "max_age": "0"} if "again" in request.POST else {}

    def redirect(
        self, request: HttpRequest, process: str, next_url: str | None = None, data: Any = None, **kwargs: Any
    ) -> Any:
        nonce = secrets.token_urlsafe(24)
        auth_params = {**(kwargs.pop("auth_params", None) or {}), "nonce": nonce}
        process = "connect" if process == "connect" else "login"
        return super().redirect(request, process, next_url, data, auth_params=auth_params, nonce=nonce, **kwargs)

    def extract_uid(self, data: Mapping[str, Any]) -> str:
        uid = str(data["sub"])
        # Who was removed for good is somebody else when they come again.
        for account in SocialAccount.objects.filter(provider=self.sub_id, uid=uid).select_related("user"):
            if is_gone(account.user):
                retire(account.user)
        return uid

    def extract_extra_data(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "name": _line(data.get("name")),
            "username": _line(data.get("preferred_username")),
            "email": _line(data.get("email")),
            "groups": _groups(data.get(house().settings.site.oidc_groups_claim)),
        }

    def extract_common_fields(self, data: Mapping[str, Any]) -> dict[str, Any]:
        found = {
            "username": _line(data.get("preferred_username")) or _line(data.get("email")),
            "name": _line(data.get("name")),
        }
        if _is_verified(data):
            found["email"] = str(data.get("email"))
        return found

    def extract_email_addresses(self, data: Mapping[str, Any]) -> list[EmailAddress]:
        """Return the address that the provider verified. Any other is not believed at all."""
        return [EmailAddress(email=str(data["email"]), verified=True, primary=True)] if _is_verified(data) else []


def _is_verified(data: Mapping[str, Any]) -> bool:
    said = data.get("email_verified")
    return bool(data.get("email")) and (said is True or said == "true")


def _line(value: Any) -> str:
    """Return a claim as one plain line, or nothing of it."""
    from django.core.exceptions import ValidationError

    text = value.strip()[:120] if isinstance(value, str) else ""
    try:
        check_line(text)
    except ValidationError:
        return ""
    return text


def _groups(value: Any) -> list[str]:
    found = value if isinstance(value, list) else str(value).split() if isinstance(value, str) else []
    return [str(group)[:200] for group in found[:GROUPS_MAX]]


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Accounts that an identity provider vouches for."""

    error_messages = DefaultSocialAccountAdapter.error_messages | {
        "no_password": "Set a password first: this is your only way to log in.",
        "no_verified_email": "Confirm an e-mail address first: this is your only way to log in.",
        "connected_other": "This identity belongs to another account here.",
    }

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Whether a person of the provider may make an account here: always, for the site chose the provider."""
        return True

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[Any]:
        """Return the one provider of the settings. The database is asked for none."""
        found = _build_apps_from_settings(provider=provider, client_id=client_id)
        return [app for apps in found.values() for app in apps]

    def get_requests_session(self) -> requests.Session:
        return Session()

    def can_authenticate_by_email(self, login: Any, email: str) -> bool:
        """Whether an address alone ties an identity to an account: never."""
        return False

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: Mapping[str, Any]) -> Person:
        person: Person = sociallogin.user
        person.source = "oidc"
        person.name = str(data.get("username") or "user")
        person.full_name = str(data.get("name") or "")
        person.email = str(data.get("email") or "").lower()
        return person

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Bring the roles of who comes again up to date; send away whose address belongs to another account."""
        if sociallogin.is_existing:
            give_roles(sociallogin.user)
            return
        for address in sociallogin.email_addresses:
            clear_way(email=address.email)
            taken = (
                EmailAddress.objects.filter(email=address.email).exists()
                or Person.objects.filter(email=address.email).exists()
            )
            if taken and sociallogin.state.get("process") != "connect":
                raise ImmediateHttpResponse(_address_taken(request))

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Person:
        person: Person = sociallogin.user
        person.set_unusable_password()
        known = sociallogin.account.extra_data
        wanted = person.name or known["username"] or known["email"]
        for tries_left in reversed(range(NAME_TRIES)):
            person.name = free_name(wanted)
            try:
                sociallogin.save(request)
                break
            except Taken:
                # Somebody of the same name was faster by a moment.
                if not tries_left:
                    raise
        give_roles(person)
        return person

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> None:
        """Log why it did not work. What a provider answered may hold a token, so only our own words are kept."""
        reason = str(exception) if isinstance(exception, ProviderFault) else type(exception).__name__
        _log.warning("a log-in by the provider failed", kind=str(error), reason=reason if exception else "")

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: Any) -> str:
        return reverse("profile")


def give_roles(person: Person) -> None:
    """Give a person the roles that the groups of all their identities give, and take those that none gives any more."""
    known = SocialAccount.objects.filter(user=person)
    groups = {group for account in known for group in account.extra_data.get("groups", ())}
    reconcile(person, groups, "oidc", until_us=login_end_us())


def _address_taken(request: HttpRequest) -> Any:
    site = house().settings.site
    text = (
        f"You have an account here already, with the e-mail address that {site.oidc_name} knows. Log in to it with its "
        f"password, then connect {site.oidc_name} on the page Profile: from then on, either way leads to it."
    )
    return error_page(request, 409, "You have an account already", text)
