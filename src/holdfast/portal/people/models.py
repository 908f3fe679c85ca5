"""A person who can log in. What they may do stands in the catalog, under their principal id."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models

from holdfast.admin.errors import Refused
from holdfast.admin.names import check_user_name


def check_name(name: str) -> None:
    """Raise ValidationError unless this can be a user's name in the catalog."""
    try:
        check_user_name(name)
    except Refused as error:
        raise ValidationError(str(error)) from None


NAME_VALIDATORS = [check_name]
SOURCES = ("cli", "portal", "oidc", "ldap")


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
        """Save. A new account gets its principal in the catalog first, so that none is without one."""
        if not self.principal_id:
            from .principals import make_principal

            self.principal_id = make_principal(self.name, self.email)
        super().save(*args, **kwargs)


def display_name(person: Person) -> str:
    """Return what a person is called on pages and in mail."""
    return str(person)


class LoginLink(models.Model):
    """A link that logs a person in once. Only the hash of its secret is kept."""

    digest = models.CharField(max_length=64, primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    ends_at = models.DateTimeField()
