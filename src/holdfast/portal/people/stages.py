"""What stands between a right password and being logged in."""

from __future__ import annotations

from typing import Any

from allauth.account import stages
from allauth.account.models import EmailAddress

from .models import UPSTREAM


class ConfirmedAddress(stages.EmailVerificationStage):  # type: ignore[misc]  # allauth is not typed
    """A confirmed e-mail address, of those who have one to confirm: a provider or directory vouches for its own."""

    def handle(self) -> Any:
        person = self.login.user
        if person is not None and (
            person.source in UPSTREAM or not (person.email or EmailAddress.objects.filter(user=person).exists())
        ):
            return None, True
        return super().handle()
