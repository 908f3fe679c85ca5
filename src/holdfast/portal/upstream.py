"""Where people may come from besides this site's own accounts: what the settings say of it, and whether that can work.

Nothing here needs Django, so that `serve` refuses what can't work before it starts anything.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import urlsplit

from holdfast.config import SettingError, Settings, Site, read_secret

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def check_upstream(settings: Settings) -> None:
    """Raise SettingError, with one sentence that says what to change, where log-in from elsewhere can't work."""
    site = settings.site
    if site.oidc_issuer:
        check_url(site.oidc_issuer, "oidc_issuer")
        if not site.oidc_client_id:
            raise SettingError("`oidc_issuer` is set, but not `oidc_client_id`: the provider gives it to each portal")
        if site.oidc_client_secret_file is not None:
            read_secret(site.oidc_client_secret_file, "oidc_client_secret_file")
    if site.ldap_server:
        _check_directory(site)


def _check_directory(site: Site) -> None:
    parts = urlsplit(site.ldap_server)
    if parts.scheme not in ("ldap", "ldaps"):
        raise SettingError(f"`ldap_server` is {site.ldap_server!r}: allowed is ldap://HOST or ldaps://HOST")
    if parts.scheme == "ldap" and site.ldap_start_tls == "no" and parts.hostname not in _LOOPBACK:
        raise SettingError(
            "`ldap_start_tls` is no, so that passwords would cross the network in clear: set it to yes, or use ldaps://"
        )
    if not site.ldap_people:
        raise SettingError("`ldap_server` is set, but not `ldap_people`: name the base under which people are found")
    if site.ldap_bind_dn and site.ldap_bind_password_file is None:
        raise SettingError("`ldap_bind_dn` is set, but not `ldap_bind_password_file`")
    if site.ldap_bind_password_file is not None:
        read_secret(site.ldap_bind_password_file, "ldap_bind_password_file")
    if find_spec("ldap") is None:
        raise SettingError("`ldap_server` needs python-ldap, which is not installed: pip install 'holdfast[ldap]'")


def check_url(url: str, what: str) -> None:
    """Raise SettingError unless a provider's URL is https, or of this very machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise SettingError(f"`{what}` is {url!r}: allowed is a URL that begins with https://")


def provider_id(issuer: str) -> str:
    """Return what identities of an issuer are kept under: another issuer's `sub` is another person."""
    return f"oidc-{hashlib.sha256(issuer.encode()).hexdigest()[:32]}"


def providers(settings: Settings) -> dict[str, Any]:
    """Return the identity provider of the settings, if there is one, as allauth is told of it. Raises SettingError."""
    return {
        "openid_connect": {
            "provider_class": "holdfast.portal.people.oidc.Institution",
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [_app(settings.site)] if settings.site.oidc_issuer else [],
        }
    }


def _app(site: Site) -> dict[str, Any]:
    secret_file = site.oidc_client_secret_file
    return {
        "provider_id": provider_id(site.oidc_issuer),
        "name": site.oidc_name[:40],
        "client_id": site.oidc_client_id,
        "secret": read_secret(secret_file, "oidc_client_secret_file") if secret_file is not None else "",
        "settings": {"server_url": site.oidc_issuer},
    }
