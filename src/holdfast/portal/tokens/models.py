"""Bearer tokens of the management API, and the forms that made a secret already."""

from __future__ import annotations

from django.conf import settings
from django.db import models

READ_ONLY = "read-only"
READ_WRITE = "read-write"


class ApiToken(models.Model):
    """A bearer token for `/api/v1`, of one person in one tenancy or, for operators, on the whole site.

    It can't sign S3 requests.

    Only the hash of its secret is kept. Whether it works is asked at every use (`api_tokens.find_api_token`): its own
    end, and the membership and tenancy as they are then.
    """

    public_id = models.CharField(max_length=24, unique=True)
    """What people call it: shown in lists, and of no use for logging in."""
    digest = models.CharField(max_length=64, unique=True)
    """The SHA-256 of the whole secret, which is random enough that nobody finds it by trying."""
    tenancy_id = models.CharField(max_length=32)
    """The catalog's id of the tenancy; empty = the whole site, for an operator alone."""
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    description = models.CharField(max_length=200)
    scope = models.CharField(max_length=12, choices=[(x, x) for x in (READ_ONLY, READ_WRITE)], default=READ_ONLY)
    created_at_us = models.BigIntegerField()
    expires_at_us = models.BigIntegerField(null=True, blank=True)
    """None = never."""
    last_used_us = models.BigIntegerField(null=True, blank=True)
    """Kept to the minute."""
    revoked_at_us = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at_us", "public_id")
        indexes = (
            models.Index(fields=("tenancy_id", "person"), name="api_token_by_member"),
            models.Index(fields=("expires_at_us",), name="api_token_by_end"),
        )

    def __str__(self) -> str:
        return self.public_id


class MadeToken(models.Model):
    """A token, of S3 or of the API, that was made by a call with a token of the API."""

    token_id = models.CharField(max_length=24, primary_key=True)
    """What people call the one that was made."""
    parent_id = models.CharField(max_length=24, db_index=True)
    """What people call the one that made it, or that made the one in whose place this is."""

    def __str__(self) -> str:
        return f"{self.token_id} by {self.parent_id}"


class UsedForm(models.Model):
    """A form that made a secret. The same form sent again makes no second one."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    form_id = models.CharField(max_length=64)
    used_at_us = models.BigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("person", "form_id"), name="form_used_once"),)
        indexes = (models.Index(fields=("used_at_us",), name="form_by_age"),)

    def __str__(self) -> str:
        return self.form_id
