"""The certificate of deletion: what was deleted, when, and by whom, as text that outlives tenancy and people."""

from __future__ import annotations

from holdfast.config import show_size
from holdfast.portal.house import house
from holdfast.portal.people.models import Person
from holdfast.portal.people.templatetags.portal import day, moment

from .models import Closing


def find_certificate(person: Person, number: int) -> Closing | None:
    """Return a closing that came to its end, for its managers of then and for operators; None for all others."""
    found = Closing.objects.filter(pk=number, state=Closing.DELETED).first()
    if found is None or not (person.is_operator or person.principal_id in (found.closed_by, *found.manager_ids)):
        return None
    return found


def name_in(closing: Closing, principal_id: str) -> str:
    """Return what somebody was called when they had to do with a closing."""
    return str(closing.names.get(principal_id, principal_id)) if principal_id else "nobody"


def certificate_text(closing: Closing) -> str:
    """Return the certificate, one fact a line."""
    site = house().settings.site.site_name
    lines = [
        f"Certificate of deletion {closing.pk}",
        site,
        "",
        f"Tenancy:            {closing.tenancy_name}",
        f"Its id:             {closing.tenancy_id}",
        f"Closed by:          {name_in(closing, closing.closed_by)}",
        f"Closed at:          {moment(closing.closed_at)}",
        f"Reason:             {' '.join(closing.reason.split())}",
        f"Readable until:     {day(closing.grace_ends_on)}",
        f"Deletion ordered:   {_order(closing)}",
        f"Deletion completed: {moment(closing.deleted_at)}",
        "",
        f"Buckets: {len(closing.holdings):,}",
        f"Objects: {closing.held_objects:,}",
        f"Bytes:   {closing.held_bytes:,} ({show_size(closing.held_bytes)}), parts of unfinished uploads included",
        "",
        *_bucket_lines(closing),
        "The tenancy, its buckets, all objects in them, its memberships and its access keys were removed from the",
        "catalog of this store, and the bytes were given to its collector, which deletes them once no read is in",
        "flight. Copies that members made, and backups of this store from before, are not covered.",
    ]
    return "\n".join(lines) + "\n"


def _order(closing: Closing) -> str:
    if closing.confirmed_at is None:
        return "by a command of the operators, when there were no buckets in it"
    return f"{moment(closing.confirmed_at)}, by {name_in(closing, closing.confirmed_by)} (operator)"


def _bucket_lines(closing: Closing) -> list[str]:
    if not closing.holdings:
        return []
    width = max(len(name) for name, _, _ in closing.holdings)
    lines = [
        f"{name:<{width}}  {objects:>15,} objects  {size_bytes:>22,} bytes"
        for name, objects, size_bytes in closing.holdings
    ]
    return [*lines, ""]
