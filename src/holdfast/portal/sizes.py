"""Sizes: in forms, a number of bytes with its unit that reads back as it was written; and shares of limits."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from holdfast.config import parse_size, show_size


class SizeField(forms.CharField):
    """A number of bytes with its unit; empty is None: no limit, where it may be empty."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **{"required": False, "max_length": 30, "help_text": "Such as 10TB or 500GiB. Empty: no limit.", **options}
        )

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_size(text)
        except ValueError:
            raise ValidationError("Write a size with its unit, such as 10TB or 500GiB.") from None


def exact_size(size_bytes: int | None) -> str:
    """Return a size that reads back as it is, so that a form that is sent unchanged changes nothing. None is empty."""
    if size_bytes is None:
        return ""
    shown = show_size(size_bytes).replace(" ", "").replace(",", "")
    return shown if parse_size(shown) == size_bytes else f"{size_bytes}B"


def percent_of(used: int, limit: int | None) -> int:
    """Return the share of a limit that is used, rounded down, so that 100 means full; 0 where there is no limit.

    A limit of nothing is full.
    """
    if limit is None:
        return 0
    return 100 * used // limit if limit else 100
