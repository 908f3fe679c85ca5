"""What the portal remembers about joining: the public face of a tenancy, requests, grants and invitations.

Who is a member stands in the catalog alone. People are named by their principal, so that history outlives accounts.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import models
from django.db.models import Q

ROLES: Final = ("USER", "DEPUTY", "MANAGER")
"""The roles that one may ask for; a GUEST is invited."""

TENANCY_NAME_LENGTH: Final = 63
PRINCIPAL_LENGTH: Final = 32


def _principal(**options: Any) -> models.CharField[str, str]:
    return models.CharField(max_length=PRINCIPAL_LENGTH, **options)


class TenancyPage(models.Model):
    """How a tenancy shows itself to who is no member of it, and what it asks of them."""

    tenancy_id = models.CharField(max_length=32, primary_key=True)
    summary = models.CharField(max_length=160, blank=True)
    description = models.TextField(blank=True)
    """Plain text: a blank line parts paragraphs, and addresses become links."""
    approver_message = models.TextField(blank=True)
    """What its managers want to read in each mail about a request."""
    hidden = models.BooleanField(default=False)
    auto_accept = models.BooleanField(default=False)
    """Whether requests of USERs are approved at once."""
    questions = models.JSONField(default=list)
    """What applicants are asked: see `questions.Question`."""
    version = models.PositiveIntegerField(default=0)
    """Raised by each edit, so that two editors can't overwrite each other unseen."""


class AccessRequest(models.Model):
    """One request for a role in a tenancy."""

    PENDING, APPROVED, REJECTED, WITHDRAWN = "PENDING", "APPROVED", "REJECTED", "WITHDRAWN"
    STATES = (PENDING, APPROVED, REJECTED, WITHDRAWN)

    tenancy_id = models.CharField(max_length=32, blank=True)
    """Empty while there is no tenancy of this name: its maker can't tell."""
    tenancy_name = models.CharField(max_length=TENANCY_NAME_LENGTH)
    applicant_id = _principal()
    role = models.CharField(max_length=8, choices=[(role, role) for role in ROLES])
    answers = models.JSONField(default=list)
    """What the applicant answered, with the questions as they were: see `questions.Answer`."""
    state = models.CharField(max_length=10, choices=[(state, state) for state in STATES], default=PENDING)
    is_incomplete = models.BooleanField(default=False)
    """With REJECTED: the applicant is to say more and send it again."""
    user_reason = models.TextField(blank=True)
    """Told to the applicant."""
    internal_comment = models.TextField(blank=True)
    """For those who decide. Never told to the applicant."""
    asked_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    """When those who decide were told."""
    decided_at = models.DateTimeField(null=True)
    decided_by = _principal(blank=True)
    """Empty where nobody did: it was withdrawn, or approved by itself."""
    previous = models.ForeignKey("self", null=True, on_delete=models.SET_NULL)
    """The one that this one follows."""

    class Meta:
        ordering = ("asked_at", "id")
        indexes = (
            models.Index(fields=("tenancy_id", "state", "asked_at"), name="request_queue"),
            models.Index(fields=("applicant_id", "asked_at"), name="request_applicant"),
            models.Index(fields=("id",), condition=Q(state="PENDING", told_at=None), name="request_untold"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("applicant_id", "tenancy_id", "role"),
                condition=Q(state="PENDING") & ~Q(tenancy_id=""),
                name="request_live_once",
            ),
            models.UniqueConstraint(
                fields=("applicant_id", "tenancy_name", "role"),
                condition=Q(state="PENDING", tenancy_id=""),
                name="request_live_once_nowhere",
            ),
        )

    @property
    def shown_state(self) -> str:
        """The state as people read it."""
        return "INCOMPLETE" if self.state == self.REJECTED and self.is_incomplete else self.state

    @property
    def is_pending(self) -> bool:
        return self.state == self.PENDING


class Grant(models.Model):
    """One grant of a role, and what became of it. The newest of a person in a tenancy is the head of their chain."""

    tenancy_id = models.CharField(max_length=32)
    principal_id = _principal()
    role = models.CharField(max_length=8)
    ends_on = models.DateField(null=True)
    """The last day, whole, in UTC. None only for what was not granted here."""
    buckets = models.JSONField(default=dict)
    """For a GUEST: bucket id → `read` or `write`."""
    granted_by = _principal(blank=True)
    """Empty where nobody did: the tenancy accepts by itself, or it was granted outside of the portal."""
    granted_at = models.DateTimeField()
    request = models.ForeignKey(AccessRequest, null=True, on_delete=models.PROTECT, related_name="grants")
    previous = models.ForeignKey("self", null=True, on_delete=models.PROTECT)
    is_head = models.BooleanField(default=True)
    replaced_at = models.DateTimeField(null=True)
    """When a newer one took its place."""
    applied_at = models.DateTimeField(null=True)
    """When the catalog had it. Until then the worker tries again."""
    revoked_at = models.DateTimeField(null=True)
    revoked_by = _principal(blank=True)
    revoked_reason = models.TextField(blank=True)

    class Meta:
        ordering = ("granted_at", "id")
        indexes = (
            models.Index(fields=("id",), condition=Q(is_head=True, applied_at=None), name="grant_unapplied"),
            models.Index(fields=("principal_id", "tenancy_id"), name="grant_person"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("tenancy_id", "principal_id"), condition=Q(is_head=True), name="grant_head_once"
            ),
        )


class Invitation(models.Model):
    """An invitation of a GUEST by e-mail. The link's secret is known by its hash alone."""

    OPEN, ACCEPTED, WITHDRAWN = "OPEN", "ACCEPTED", "WITHDRAWN"

    tenancy_id = models.CharField(max_length=32)
    email = models.EmailField()
    """In lower case."""
    digest = models.CharField(max_length=64, unique=True)
    buckets = models.JSONField()
    """Bucket id → `read` or `write`."""
    ends_on = models.DateField()
    message = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=[(x, x) for x in (OPEN, ACCEPTED, WITHDRAWN)], default=OPEN)
    invited_by = _principal()
    invited_at = models.DateTimeField()
    link_ends_at = models.DateTimeField()
    accepted_by = _principal(blank=True)
    accepted_at = models.DateTimeField(null=True)
    made_account = models.BooleanField(default=False)
    """Whether the account was made with it: a person from outside, who sees no list of tenancies."""

    class Meta:
        ordering = ("-invited_at", "-id")
        indexes = (models.Index(fields=("accepted_by",), name="invitation_person"),)
        constraints = (
            models.UniqueConstraint(
                fields=("tenancy_id", "email"), condition=Q(state="OPEN"), name="invitation_open_once"
            ),
        )
