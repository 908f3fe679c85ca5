"""Links to an object that anybody can use who has them: made with an end, listed, and revoked."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_variables

from holdfast.admin.errors import AdminError
from holdfast.admin.internal_keys import Link, create_link_key, list_links, revoke_link
from holdfast.admin.office import DAY_US
from holdfast.auth.roles import Extent, Right
from holdfast.operations import get_object
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.pace import check_pace
from holdfast.portal.people.lookups import names_by_principal
from holdfast.portal.tenancies.pages import Crumb, render_in, tenancy_path
from holdfast.store.errors import StorageReadOnly

from .acting import Acting
from .objects_details import read_details
from .objects_forms import LinkForm
from .objects_places import bucket_crumbs, folder_of, name_of, object_path, shown
from .objects_views import asked_key
from .pages import data_page
from .signing import Signer, attachment

PAGE_MAX = 50
LINKS_A_MINUTE_MAX = 10
"""Links that one person makes by hand. Each is a key of its own, which programs make with an S3 client."""


@data_page(Right.READ_DATA)
@sensitive_variables("url", "signed", "key_")
def share(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponse:
    """Ask how long a link shall work, make it, and show it this once."""
    key = asked_key(request)
    acting = Acting.of(request, standing)
    details = read_details(acting, bucket, key)
    tenancy = standing.tenancy.name
    limits = house().settings.limits
    life_s_max = min(limits.presigned_life_s_max, (limits.key_life_days_max or 7) * DAY_US // 1_000_000)
    here = object_path(tenancy, bucket, key)
    url, ends_at_us, failure = "", 0, ""
    form = LinkForm(request.POST or None, life_s_max=life_s_max, initial={"once": secrets.token_hex(16)})
    if request.method == "POST" and form.is_valid():
        try:
            url, ends_at_us = _make(acting, standing, bucket, key, form.cleaned_data)
        except AdminError as error:
            failure = str(error)
    context = {
        "key": shown(key),
        "name": shown(name_of(key)),
        "details": details,
        "form": form,
        "url": url,
        "ends_at_us": ends_at_us,
        "failure": failure,
        "back": here,
        "again": object_path(tenancy, bucket, key, "share/"),
        "links_url": tenancy_path(tenancy, "links/"),
    }
    crumbs = [
        *bucket_crumbs(tenancy, bucket, folder_of(key)),
        Crumb(shown(name_of(key)), here),
        Crumb("Share by a link"),
    ]
    return render_in(request, standing, "data/object_share.html", context, current="buckets/", crumbs=crumbs)


def _make(acting: Acting, standing: Standing, bucket: str, key: str, given: dict[str, Any]) -> tuple[str, int]:
    """Make a link and return it with its end. It is signed with a key of its own, which lives as long as it does."""
    opened = house()
    if opened.is_read_only:
        raise StorageReadOnly
    check_pace("link", acting.principal_id, LINKS_A_MINUTE_MAX)
    made = create_link_key(
        opened.office(acting.principal_id),
        opened.keyring,
        standing.tenancy,
        acting.principal_id,
        bucket=bucket,
        key=key,
        ends_at_us=opened.now_us() + given["life"] * 1_000_000,
        once=given["once"],
    )
    asked = get_object.Request(bucket=bucket, key=key, response_content_disposition=attachment(key))
    signer = Signer(acting, made, opened.endpoints(standing.tenancy.name).outside)
    with opened.catalog.read() as rows:
        signed = signer.sign(rows, get_object.operation, asked, expires_s=given["life"])
    return signed.url, made.ends_at_us


def _sees_all(standing: Standing) -> bool:
    return standing.extent(Right.OTHERS_TOKENS) is Extent.ALL


@data_page(Right.READ_DATA)
def links(request: HttpRequest, standing: Standing) -> HttpResponse:
    """List the links that the person made, or, for who sees others' tokens, that anybody made."""
    acting = Acting.of(request, standing)
    wants_all = _sees_all(standing) and request.GET.get("of") == "all"
    opened = house()
    said = request.GET.get("from", "")
    start = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0
    with opened.catalog.read() as rows:
        found = list_links(rows, opened.now_us(), standing.tenancy, None if wants_all else acting.principal_id)
        shown_links = found[start : start + PAGE_MAX]
        people = names_by_principal(rows, {link.user_id for link in shown_links})
    here = tenancy_path(standing.tenancy.name, "links/")
    of = "&of=all" if wants_all else ""
    context = {
        "links": [_entry(standing, link, people.get(link.user_id, "former member")) for link in shown_links],
        "sees_all": _sees_all(standing),
        "wants_all": wants_all,
        "here": here,
        "next_url": f"{here}?from={start + PAGE_MAX}{of}" if len(found) > start + PAGE_MAX else "",
        "previous_url": f"{here}?from={max(0, start - PAGE_MAX)}{of}" if start else "",
    }
    crumbs = [Crumb("Buckets", tenancy_path(standing.tenancy.name, "buckets/")), Crumb("Links")]
    return render_in(request, standing, "data/links.html", context, current="buckets/", crumbs=crumbs)


def _entry(standing: Standing, link: Link, person: str) -> dict[str, Any]:
    tenancy = standing.tenancy.name
    return {
        "link": link,
        "place": f"{link.bucket}/{shown(link.key)}",
        "object_url": object_path(tenancy, link.bucket, link.key),
        "person": person,
        "revoke_url": tenancy_path(tenancy, f"links/{link.link_id}/revoke/"),
    }


@data_page(Right.READ_DATA)
def revoke(request: HttpRequest, standing: Standing, link_id: str) -> HttpResponseBase:
    """End a link now: one's own, or anybody's for who may revoke others' tokens."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    acting = Acting.of(request, standing)
    own = None if _sees_all(standing) else acting.principal_id
    link = revoke_link(house().office(acting.principal_id), standing.tenancy, link_id, own)
    messages.success(request, f"The link to {shown(name_of(link.key))} does not work any more.")
    return redirect(
        tenancy_path(standing.tenancy.name, "links/") + ("?of=all" if link.user_id != acting.principal_id else "")
    )
