"""Names for new tenancies: what one may be, and whether it is free. That a name is taken is all that anybody learns."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from holdfast.admin.errors import Refused
from holdfast.admin.names import check_tenancy_name
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import TENANCIES
from holdfast.portal.access import Need, page, signed_in
from holdfast.portal.house import house
from holdfast.portal.pace import is_within

USUAL_END: Final = "-o"
LOOKS_A_MINUTE_MAX: Final = 60
"""How often one person may ask about names: enough for typing, too little for walking through a dictionary."""

NAME_HELP: Final = (
    f"Part of its host names, and never changed: 3 to 63 of a-z, 0-9 and -. Most end in {USUAL_END}: "
    f"my-os-tenancy{USUAL_END}."
)

TAKEN: Final = "This name is taken. Choose another one."
RULES: Final = (
    "It becomes part of a host name: use 3 to 63 characters of a-z, 0-9 and -, with a letter or digit at both ends."
)


def find_fault(rows: Snapshot, name: str) -> str:
    """Say in a sentence why a tenancy can't be made under a name, or nothing where it can."""
    try:
        check_tenancy_name(name)
    except Refused:
        return RULES
    if rows.scan(TENANCIES, (name,), index="by_name", count_max=1) or _is_portal(name):
        return TAKEN
    return ""


def _is_portal(name: str) -> bool:
    """Whether the tenancy's host name would be the portal's own."""
    settings = house().settings
    host = urlsplit(settings.portal_origin).hostname or ""
    return host in (f"{name}.{settings.domain}", f"{name}.{settings.ext_domain}")


@page(Need.PERSON)
@require_safe
def check(request: HttpRequest) -> JsonResponse:
    """Answer `components/field.html`, which asks while a name is typed."""
    if not is_within(f"tenancy-names:{signed_in(request).pk}", LOOKS_A_MINUTE_MAX):
        return JsonResponse({"ok": False, "message": "That was a lot of names. Wait a minute."}, status=429)
    with house().catalog.read() as rows:
        fault = find_fault(rows, request.GET.get("value", "").strip()[:100])
    usual = "" if request.GET.get("value", "").strip().endswith(USUAL_END) else f" Most names here end in {USUAL_END}."
    return JsonResponse({"ok": not fault, "message": fault or f"This name is free.{usual}"})
