"""Numbers of things in templates: `{% load counts %}`, then `{{ bucket.objects|thousands }}`."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def thousands(count: int) -> str:
    """Show a number of things: `1,204,331`."""
    return f"{count:,}"
