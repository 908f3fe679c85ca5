"""A person who can log in. What they may do stands in the catalog, under their principal id."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from holdfast.admin.errors import Refused, Taken
from holdfast.admin.names import check_user_name


def check_name(name: str) -> None:
    """Raise ValidationError unless this can be a user's name in the catalog."""
    try:
        check_user_name(name)
    except Refused as error:
        raise ValidationError(str(error)) from None


NAME_VALIDATORS = [check_name]
SOURCES = ("cli", "portal", "oidc", "ldap")
UPSTREAM = frozenset({"oidc", "ldap"})
"""Sources that keep their people's passwords themselves."""


class People(BaseUserManager["Person"]):
    """Finds people."""

    def get_by_natural_key(self, username: str | None) -> Person:
        return self.get(name=username)


class Person(AbstractBaseUser):
    """One account. `principal_id` is the catalog's user id: it never changes, and is nobody else's ever."""

    principal_id = models.CharField(max_length=32, unique=True, editable=False)
    name = models.CharField(max_length=64, unique=True, validators=NAME_VALIDATORS)
    full_name = models.CharField(max_length=120, blank=True)
    email = models.EmailField(blank=True)
    is_operator = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    source = models.CharField(
        max_length=8, default="portal", choices=[(x, x) for x in ("cli", "portal", "oidc", "ldap")]
    )
    """Who made the account, and so who may disable it: a directory disables only its own people."""
    upstream_id = models.CharField(max_length=200, blank=True, db_index=True, editable=False)
    """What a directory calls the person for ever, whatever becomes of the name there."""
    suspended_reason = models.TextField(blank=True)
    """Why an operator suspended the person, as it was told to them. Whether they are suspended, the catalog says."""
    joined_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "name"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]
    objects: ClassVar[People] = People()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.full_name or self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save. A new account gets its principal in the catalog first, so that none is without one.

        Raises Taken where somebody else got the name in the same moment, or had it before.
        """
        if not self._state.adding:
            super().save(*args, **kwargs)
            return
        from .principals import clear_way, make_principal, unmake_principal

        clear_way(name=self.name)
        is_given = bool(self.principal_id)
        was_made = False
        if not is_given:
            self.principal_id, was_made = make_principal(self.name, self.email)
        try:
            with transaction.atomic():
                super().save(*args, **kwargs)
        except IntegrityError:
            if was_made:
                unmake_principal(self.principal_id, self.name)
            if not is_given:
                self.principal_id = ""
            raise Taken(f"there is an account `{self.name}` already") from None

    @property
    def keeps_password_here(self) -> bool:
        """Whether a password of this site's own logs the person in, or may come to do so."""
        return self.source not in UPSTREAM or self.has_usable_password()


def display_name(person: Person) -> str:
    """Return what a person is called on pages and in mail."""
    return str(person)


class LoginLink(models.Model):
    """A link that logs a person in once. Only the hash of its secret is kept."""

    digest = models.CharField(max_length=64, primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    ends_at = models.DateTimeField()


class Session(AbstractBaseSession):
    """One browser that visits. The key is the hash of what the browser has; the contents are sealed (`sessions`)."""

    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="sessions")
    """Who is logged in there; None before and after."""
    agent = models.CharField(max_length=80, blank=True)
    """The browser in words: `Firefox on Linux`."""
    began_at = models.DateTimeField(null=True)
    """When the person logged in there."""
    seen_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = (models.Index(fields=("person", "seen_at"), name="session_of_person"),)

    @classmethod
    def get_session_store_class(cls) -> Any:
        """Return the store that reads and writes these."""
        from .sessions import SessionStore

        return SessionStore


class Trial(models.Model):
    """How often a log-in failed lately for one account or from one address (`throttle`). Times in µs of the epoch."""

    key = models.CharField(max_length=64, primary_key=True)
    """A hash: which accounts were tried is nobody's business."""
    count = models.PositiveIntegerField()
    last_us = models.BigIntegerField()
    next_us = models.BigIntegerField()
    """Before this, nothing is tried."""

    class Meta:
        indexes = (models.Index(fields=("last_us",), name="trial_last"),)
