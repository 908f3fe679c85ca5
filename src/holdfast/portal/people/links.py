"""Links that stand in for a password: to set one, within an hour, and to log in once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from holdfast.portal.house import house

from .models import LoginLink, Person

LOGIN_LINK_LIFE = timedelta(hours=1)


def password_link(person: Person) -> str:
    """Return a URL at which the person sets a password, once, within an hour. Nothing of it is stored."""
    key = f"{user_pk_to_url_str(person)}-{default_token_generator.make_token(person)}"
    uid, _, token = key.partition("-")
    return absolute(reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token}))


def login_link(person: Person, life: timedelta = LOGIN_LINK_LIFE) -> str:
    """Return a URL that logs the person in, once. Only its hash is stored."""
    secret = secrets.token_urlsafe(32)
    LoginLink.objects.create(digest=_digest(secret), person=person, ends_at=timezone.now() + life)
    return absolute(reverse("login_link", kwargs={"secret": secret}))


def peek_login_link(secret: str) -> Person | None:
    """Return whom a link would log in, and leave it as it is; None when it is spent, too old, or none of ours."""
    found = (
        LoginLink.objects.select_related("person").filter(digest=_digest(secret), ends_at__gt=timezone.now()).first()
    )
    return found.person if found is not None else None


def spend_login_link(secret: str) -> Person | None:
    """Return whom a link logs in and end it; None when it is spent, too old, or none of ours."""
    with transaction.atomic():
        person = peek_login_link(secret)
        LoginLink.objects.filter(digest=_digest(secret)).delete()
    return person


def absolute(path: str) -> str:
    """Return the URL of a page. It is made from the settings, so that no Host header leads anybody elsewhere."""
    return house().settings.portal_origin + path


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
