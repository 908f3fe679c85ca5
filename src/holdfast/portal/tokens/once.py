"""A form that makes a secret makes one: sent again, by reload or a second click, it is told so."""

from __future__ import annotations

import re
import secrets
from typing import Final

from django.db import IntegrityError, transaction

from holdfast.admin.office import DAY_US
from holdfast.portal.house import house
from holdfast.portal.people.models import Person

from .models import UsedForm

KEPT_DAYS: Final = 30
"""How long a used form is remembered; a session ends long before."""
FORM_ID: Final = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
"""What a form's id is made of; callers of the management API choose such a one themselves."""


def new_form_id() -> str:
    """Return the id of a form that is shown now."""
    return secrets.token_urlsafe(18)


def is_form_id(text: str) -> bool:
    """Whether a text may be a form's id."""
    return FORM_ID.fullmatch(text) is not None


def claim(person: Person, form_id: str) -> bool:
    """Use a form up, and return whether it was not used before. Durable when this returns: of two at once one wins.

    It comes before the secret is made: after a crash between the two the form is used up, and nothing was made twice.
    """
    try:
        with transaction.atomic():
            UsedForm.objects.create(person=person, form_id=form_id, used_at_us=house().now_us())
    except IntegrityError:
        return False
    return True


def give_back(person: Person, form_id: str) -> None:
    """Let a form be sent again, since what it asked for was refused and nothing was made."""
    UsedForm.objects.filter(person=person, form_id=form_id).delete()


def forget_used_forms() -> int:
    """Drop what is older than any page that could still be open, and return how many."""
    before_us = house().now_us() - KEPT_DAYS * DAY_US
    return UsedForm.objects.filter(used_at_us__lt=before_us).delete()[0]
