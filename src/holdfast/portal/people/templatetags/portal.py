"""Filters that every template has: sizes, moments and dates as people read them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

from django import template
from django.core.serializers.json import DjangoJSONEncoder

from holdfast.config import show_size
from holdfast.portal.people.agents import describe_agent

register = template.Library()


@register.filter
def size(size_bytes: int | None) -> str:
    """Show a number of bytes: `1.20 TB`. None is no limit."""
    return "no limit" if size_bytes is None else show_size(size_bytes)


@register.filter
def day(value: int | date | datetime | None) -> str:
    """Show a day: `3 December 2026`. Of a moment in µs of the Unix epoch, the day in UTC. None is never."""
    if value is None:
        return "never"
    if isinstance(value, int):
        value = datetime.fromtimestamp(value / 1_000_000, UTC)
    return f"{value.day} {value:%B %Y}"


@register.filter
def moment(value: int | datetime | None) -> str:
    """Show a moment: `3 December 2026, 14:05 UTC`, from a datetime or µs of the Unix epoch. None is never."""
    if value is None:
        return "never"
    if isinstance(value, int):
        value = datetime.fromtimestamp(value / 1_000_000, UTC)
    value = value.astimezone(UTC)
    return f"{value.day} {value:%B %Y, %H:%M} UTC"


@register.filter
def last_day(end_us: int | None) -> str:
    """Show an end as the last day before it: access until the end of 31 January ends on 31 January. None is never."""
    return day(None if end_us is None else end_us - 1)


@register.filter
def as_json(value: object) -> str:
    """Write a value as JSON, for an attribute that a script reads; it is escaped as any other text."""
    return json.dumps(value, cls=DjangoJSONEncoder)


@register.filter
def agent(user_agent: str) -> str:
    """Show a browser in words: `Firefox on Linux`."""
    return describe_agent(user_agent)
