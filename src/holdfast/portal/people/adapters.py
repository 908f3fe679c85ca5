"""What allauth asks of a site: links that never come from a Host header, and secrets that are sealed on disk."""

from __future__ import annotations

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest

from holdfast.portal.house import house


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is not typed
    """Accounts of this site."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether anybody may make an account; who was invited comes by a link instead."""
        return house().settings.site.sign_up == "open"


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Accounts that an identity provider vouches for."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Whether a person of the provider may make an account here: always, for the site chose the provider."""
        return True


_FACTOR = b"portal-factor"


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors, whose seeds are sealed by the home's keyring."""

    def encrypt(self, text: str) -> str:
        sealed, version = house().keyring.seal(text, _FACTOR)
        return f"{version}:{base64.b64encode(sealed).decode()}"

    def decrypt(self, encrypted_text: str) -> str:
        version, _, sealed = encrypted_text.partition(":")
        return house().keyring.unseal(base64.b64decode(sealed), int(version), _FACTOR)
