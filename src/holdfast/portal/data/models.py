"""Work on data that takes longer than a page: deletions of everything below a prefix."""

from __future__ import annotations

from typing import Final

from django.db import models

COUNTING: Final = "counting"
DELETING: Final = "deleting"
DONE: Final = "done"
STOPPED: Final = "stopped"
CANCELLED: Final = "cancelled"
ACTIVE: Final = (COUNTING, DELETING)


class Deletion(models.Model):
    """One order to delete what is below a prefix, and how far it has come.

    What was written after the order is left alone: `ordered_at_us` is compared with the sequence of each object.
    """

    tenancy_id = models.CharField(max_length=32)
    bucket = models.CharField(max_length=63)
    bucket_id = models.CharField(max_length=64)
    """A bucket that was made anew under the same name is another one."""
    prefix = models.TextField(blank=True)
    """Empty = everything in the bucket."""
    principal_id = models.CharField(max_length=32)
    """Who ordered it, and with whose rights each batch is deleted."""
    source_ip = models.CharField(max_length=64, blank=True)
    once = models.CharField(max_length=64, unique=True)
    """The form that ordered it, so that a form sent twice orders once."""
    ordered_at_us = models.BigIntegerField()
    state = models.CharField(
        max_length=10, default=COUNTING, choices=[(x, x) for x in (*ACTIVE, DONE, STOPPED, CANCELLED)]
    )
    mark = models.TextField(blank=True)
    """The last key that was dealt with in this state."""
    found_count = models.BigIntegerField(default=0)
    found_bytes = models.BigIntegerField(default=0)
    deleted_count = models.BigIntegerField(default=0)
    deleted_bytes = models.BigIntegerField(default=0)
    newer_count = models.BigIntegerField(default=0)
    """Left alone: written after the order."""
    refused_count = models.BigIntegerField(default=0)
    reason = models.TextField(blank=True)
    """Why it stopped or waits, or the first refusal of a key; for people."""
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("state", "id"), name="deletion_by_state"),
            models.Index(fields=("tenancy_id", "id"), name="deletion_by_tenancy"),
        )

    def __str__(self) -> str:
        return f"{self.bucket}/{self.prefix}"

    @property
    def is_active(self) -> bool:
        """Whether it is still being worked on."""
        return self.state in ACTIVE

    @property
    def seen_count(self) -> int:
        """How many keys were dealt with, deleted or not."""
        return self.deleted_count + self.newer_count + self.refused_count
