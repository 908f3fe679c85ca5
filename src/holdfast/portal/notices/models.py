"""What a person was told: shown in the portal until read, and kept."""

from __future__ import annotations

from django.conf import settings
from django.db import models

URL_LENGTH_MAX = 2000


class Notice(models.Model):
    """One notice to one person. `once` makes a repetition of the same notice a no-op."""

    LEVELS = ("info", "attention", "warning", "error", "success")

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=40)
    """What it is about, for filters and tests: `grant_expiring`, `request_pending` …"""
    level = models.CharField(max_length=10, choices=[(x, x) for x in LEVELS], default="info")
    subject = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    url = models.CharField(max_length=URL_LENGTH_MAX, blank=True)
    """A path in the portal where to go on."""
    once = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (models.Index(fields=("person", "read_at"), name="notice_unread"),)
        constraints = (
            models.UniqueConstraint(fields=("person", "once"), condition=~models.Q(once=""), name="notice_once"),
        )

    def __str__(self) -> str:
        return self.subject
