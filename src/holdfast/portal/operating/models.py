"""Operators' access to data, as history: the catalog holds only what is open."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class BreakGlass(models.Model):
    """One time that an operator broke the glass of a tenancy."""

    tenancy_id = models.CharField(max_length=32)
    tenancy_name = models.CharField(max_length=63)
    operator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(max_length=1000)
    access = models.CharField(max_length=5, choices=[("read", "read"), ("write", "write")])
    buckets = models.JSONField(default=list)
    opened_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    """When it was ended by hand, before its time."""

    class Meta:
        ordering = ("-opened_at",)
        indexes = (models.Index(fields=("tenancy_id", "-opened_at"), name="glass_by_tenancy"),)

    def __str__(self) -> str:
        return f"{self.tenancy_name} {self.opened_at:%Y-%m-%d}"
