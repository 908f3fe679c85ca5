"""What the portal remembers of tenancies beside their catalog rows: who asked for what, until when, and how they ended.

What is enforced stands in the catalog alone. People are named by their principal, so that history outlives accounts.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

PRINCIPAL_LENGTH = 32
NAME_LENGTH = 63
TEXT_LENGTH = 4_000


def _principal(**options: Any) -> models.CharField[str, str]:
    return models.CharField(max_length=PRINCIPAL_LENGTH, **options)


def _choices(*states: str) -> list[tuple[str, str]]:
    return [(state, state) for state in states]


class TenancyRequest(models.Model):
    """Somebody's request for a tenancy of their own."""

    REQUESTED, REJECTED, WITHDRAWN, APPROVED, PROVISIONED = (
        "REQUESTED",
        "REJECTED",
        "WITHDRAWN",
        "APPROVED",
        "PROVISIONED",
    )

    requester_id = _principal()
    name = models.CharField(max_length=NAME_LENGTH)
    """The name that is asked for. It is nobody's until the tenancy is there."""
    purpose = models.TextField(max_length=TEXT_LENGTH)
    limit_bytes = models.BigIntegerField()
    """As it is asked for, and as it is given once it is approved."""
    ends_on = models.DateField()
    """The day on which the tenancy is to be looked at again, or closed."""
    deputies = models.JSONField(default=list)
    """User names, as the requester wrote them: whether they are anybody's, operators see."""
    state = models.CharField(
        max_length=11, choices=_choices(REQUESTED, REJECTED, WITHDRAWN, APPROVED, PROVISIONED), default=REQUESTED
    )
    version = models.PositiveIntegerField(default=1)
    """How often it was sent. Who decides says which one they have seen."""
    tenancy_id = models.CharField(max_length=32, blank=True)
    """Chosen with the approval, so that a provisioning that a crash cut short goes on with the same tenancy."""
    asked_at = models.DateTimeField()
    """When it was sent last."""
    decided_at = models.DateTimeField(null=True)
    decided_by = _principal(blank=True)

    class Meta:
        ordering = ("asked_at", "id")
        indexes = (
            models.Index(fields=("state", "asked_at"), name="tenancy_request_queue"),
            models.Index(fields=("requester_id", "asked_at"), name="tenancy_request_requester"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("requester_id", "name"), condition=Q(state="REQUESTED"), name="tenancy_request_once"
            ),
        )

    def __str__(self) -> str:
        return self.name


class RequestEvent(models.Model):
    """Something that happened to a request for a tenancy: sent, commented on, decided."""

    SENT, COMMENT, REJECTED, WITHDRAWN, APPROVED, PROVISIONED = (
        "sent",
        "comment",
        "rejected",
        "withdrawn",
        "approved",
        "provisioned",
    )

    request = models.ForeignKey(TenancyRequest, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=11, choices=_choices(SENT, COMMENT, REJECTED, WITHDRAWN, APPROVED, PROVISIONED))
    by = _principal(blank=True)
    """Empty where nobody did it: the portal."""
    text = models.TextField(blank=True)
    """The comment, the reason, or what was asked for as it was sent."""
    at = models.DateTimeField()

    class Meta:
        ordering = ("at", "id")
        indexes = (models.Index(fields=("request", "at"), name="request_event_timeline"),)


class TenancyTerm(models.Model):
    """Until when a tenancy was granted. Nothing ends by itself then: its managers and the operators are reminded."""

    tenancy_id = models.CharField(max_length=32, primary_key=True)
    ends_on = models.DateField()


class QuotaRequest(models.Model):
    """A tenancy's request for another quota, or for a later end."""

    REQUESTED, REJECTED, WITHDRAWN, APPROVED = "REQUESTED", "REJECTED", "WITHDRAWN", "APPROVED"

    tenancy_id = models.CharField(max_length=32)
    requester_id = _principal()
    limit_bytes = models.BigIntegerField()
    """The new total, as it is asked for, and as it is given once it is approved."""
    before_bytes = models.BigIntegerField(null=True)
    """The quota when it was asked. None = there was no limit."""
    ends_on = models.DateField(null=True)
    """A new end of the tenancy; None leaves it as it is."""
    reason = models.TextField(max_length=TEXT_LENGTH)
    state = models.CharField(
        max_length=9, choices=_choices(REQUESTED, REJECTED, WITHDRAWN, APPROVED), default=REQUESTED
    )
    asked_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = _principal(blank=True)
    answer = models.TextField(blank=True, max_length=TEXT_LENGTH)
    """Why it was rejected, or a word with the approval."""

    class Meta:
        ordering = ("-asked_at", "-id")
        indexes = (
            models.Index(fields=("state", "asked_at"), name="quota_request_queue"),
            models.Index(fields=("tenancy_id", "-asked_at"), name="quota_request_tenancy"),
        )
        constraints = (
            models.UniqueConstraint(fields=("tenancy_id",), condition=Q(state="REQUESTED"), name="quota_request_once"),
        )


class QuotaMark(models.Model):
    """How full a tenancy's managers were last told it was. No row = there was nothing to tell."""

    tenancy_id = models.CharField(max_length=32, primary_key=True)
    percent = models.PositiveSmallIntegerField()
    """80, 90 or 100."""


class Closing(models.Model):
    """A tenancy that is being closed, was taken back, or is gone. Kept for ever: it is the certificate of deletion."""

    GRACE, RESUMED, DELETING, DELETED = "GRACE", "RESUMED", "DELETING", "DELETED"

    tenancy_id = models.CharField(max_length=32)
    tenancy_name = models.CharField(max_length=NAME_LENGTH)
    state = models.CharField(max_length=8, choices=_choices(GRACE, RESUMED, DELETING, DELETED), default=GRACE)
    reason = models.TextField(max_length=TEXT_LENGTH)
    """Why, as its manager said it."""
    closed_by = _principal()
    closed_at = models.DateTimeField()
    frozen_at = models.DateTimeField(null=True)
    """When the catalog had it. Until then the worker tries again."""
    grace_ends_on = models.DateField()
    """The last day on which data can be read."""
    told_state = models.CharField(max_length=8, blank=True)
    """The state that all members were told of; while it is another one, the worker goes on telling them."""
    resumed_by = _principal(blank=True)
    """Empty where operators did, with a command or on the tenancy's page."""
    resumed_at = models.DateTimeField(null=True)
    confirmed_by = _principal(blank=True)
    """The operator who had the data deleted."""
    confirmed_at = models.DateTimeField(null=True)
    holdings = models.JSONField(default=list)
    """What was deleted, by bucket: [name, objects, bytes]."""
    deleted_objects = models.BigIntegerField(default=0)
    deleted_bytes = models.BigIntegerField(default=0)
    """How far the deletion has come."""
    fault = models.TextField(blank=True)
    """Why the deletion does not go on."""
    deleted_at = models.DateTimeField(null=True)
    manager_ids = models.JSONField(default=list)
    """Who was MANAGER when the deletion began: the certificate is theirs."""
    names = models.JSONField(default=dict)
    """Principal → the name that people read, as it was: the certificate outlives accounts."""

    class Meta:
        ordering = ("-closed_at", "-id")
        indexes = (
            models.Index(fields=("state", "closed_at"), name="closing_state"),
            models.Index(fields=("tenancy_id", "-closed_at"), name="closing_tenancy"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("tenancy_id",), condition=Q(state__in=("GRACE", "DELETING")), name="closing_once"
            ),
        )

    @property
    def held_objects(self) -> int:
        """How many objects there were when the deletion began."""
        return sum(objects for _, objects, _ in self.holdings)

    @property
    def held_bytes(self) -> int:
        """How many bytes there were when the deletion began, parts of unfinished uploads included."""
        return sum(size_bytes for _, _, size_bytes in self.holdings)
