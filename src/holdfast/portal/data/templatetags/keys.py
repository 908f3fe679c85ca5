"""Keys in templates: `{% load keys %}`, then `{{ object.key|shown }}`."""

from __future__ import annotations

from django import template

from holdfast.portal.data import listing_keys, objects_places

register = template.Library()


@register.filter
def shown(key: str) -> str:
    """Show a key so that nothing in it is hidden. Escaped by the template as all text is."""
    return objects_places.shown(key)


@register.filter
def spelt(key: str) -> str:
    """Spell a key for a hidden field or a checkbox, so that browsers give it back unchanged."""
    return listing_keys.spell(key)
