"""The browser of objects: a bucket's listing, and the deletion of what was selected in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET, require_POST

from holdfast.auth.roles import Right
from holdfast.catalog.rows import OBJECTS, BucketRow, ObjectRow
from holdfast.operations import delete_objects
from holdfast.operations.context import Context
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.tenancies.pages import Crumb
from holdfast.s3.dates import iso_date

from .acting import Acting
from .buckets_frame import look_at, render_bucket
from .listing_keys import spell, unspell
from .listing_page import (
    Asked,
    folder_crumbs,
    hidden_fields,
    open_listing,
    read_asked,
    read_listing,
)
from .listing_snippets import snippets
from .objects_places import bucket_path, shown
from .pages import data_page

EXAMPLE_NAME: Final = "new-object"
"""What may be added here is asked of a name that nobody has thought of yet."""
KEYS_NAMED_MAX: Final = 20
"""Of those that are to be deleted, how many a page and an audit row name."""
FAILURES_NAMED_MAX: Final = 5


@data_page(Right.READ_DATA)
@require_GET
def listing(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponse:
    """Show a page of a bucket's objects and folders."""
    asked = read_asked(request.GET)
    with house().catalog.read() as rows:
        context, row = open_listing(Acting.of(request, standing), rows, bucket, asked)
        facts = look_at(context, row, asked.folder + EXAMPLE_NAME)
        found = read_listing(context, row, asked)
    tenancy = standing.tenancy.name
    shown: dict[str, Any] = {
        "listing": found,
        "asked": asked,
        "hidden": hidden_fields(asked),
        "spelt_folder": spell(asked.folder),
        "spelt_start": spell(asked.starts_with),
        "delete_url": bucket_path(tenancy, bucket, "delete/"),
        "delete_folder_url": bucket_path(tenancy, bucket, "delete-prefix/", prefix=asked.folder),
        "folder_icon": _icon("folder"),
        "file_icon": _icon("file"),
        "upload_url": bucket_path(tenancy, bucket, "upload/", prefix=asked.folder),
        "public_url": _public_url(tenancy, bucket, asked.folder) if facts.visibility.is_public else "",
        "snippets": snippets(
            house().serving(),
            tenancy,
            house().settings.region,
            bucket,
            asked.folder,
            is_public=facts.visibility.is_public,
            is_zarr=bool(found.badge),
        ),
    }
    crumbs = folder_crumbs(tenancy, bucket, asked.folder)
    return render_bucket(request, standing, facts, "data/listing.html", shown, crumbs=crumbs)


def _public_url(tenancy: str, bucket: str, folder: str) -> str:
    """Return where a browser finds a public bucket, or a folder in it."""
    serving = house().serving()
    endpoints = house().endpoints(tenancy)
    return f"{endpoints.outside if serving.s3_tls else endpoints.inside}/{bucket}/{quote(folder, safe='/')}"


@cache
def _icon(name: str) -> str:
    """Return an icon once for all the rows of a listing: to include it 200 times costs 20 ms."""
    return render_to_string("components/icon.html", {"name": name})


class Selected(NamedTuple):
    """An object that was ticked, as it is now."""

    key: str
    row: ObjectRow

    @property
    def value(self) -> str:
        """What the confirmation sends back: which version was seen, so that no newer one is deleted."""
        return f"{self.row.sequence // 1_000_000} {self.row.size_bytes} {self.row.etag} {spell(self.key)}"


@data_page(Right.WRITE_DATA)
@require_POST
def delete_selected(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponseBase:
    """Name the objects that were ticked, and once that is confirmed, delete them."""
    acting = Acting.of(request, standing)
    folder = unspell(request.POST.get("folder", "")) or ""
    starts_with = unspell(request.POST.get("q", "")) or ""
    back = bucket_path(standing.tenancy.name, bucket, prefix=folder, q=starts_with)
    targets = [target for value in request.POST.getlist("target") if (target := _target(value)) is not None]
    if targets:
        _delete(request, acting, bucket, targets)
        return redirect(back)
    wanted = [key for value in request.POST.getlist("key") if (key := unspell(value)) is not None]
    if len(wanted) > delete_objects.KEYS_MAX:
        messages.error(
            request, f"{len(wanted):,} objects are too many at once: tick {delete_objects.KEYS_MAX:,} at most."
        )
        return redirect(back)
    asked = Asked(folder, starts_with, False, "", "")
    with house().catalog.read() as rows:
        context, row = open_listing(acting, rows, bucket, asked)
        facts = look_at(context, row, folder + EXAMPLE_NAME)
        selected = _select(context, row, asked.prefix, wanted)
    if not selected:
        messages.warning(request, "Nothing is selected that is still there. Tick what you want to delete.")
        return redirect(back)
    count = "1 object" if len(selected) == 1 else f"{len(selected):,} objects"
    shown = {
        "title": f"Delete {count}?",
        "selected": selected[:KEYS_NAMED_MAX],
        "more_count": max(0, len(selected) - KEYS_NAMED_MAX),
        "size_bytes": sum(each.row.size_bytes for each in selected),
        "hidden": [
            {"name": "folder", "value": spell(folder)},
            {"name": "q", "value": spell(starts_with)},
            *({"name": "target", "value": each.value} for each in selected),
        ],
        "button": f"Delete {count}",
        "consequences": [
            "This can't be undone.",
            "What somebody replaces before you confirm is left alone.",
        ],
        "cancel_url": back,
    }
    crumbs = [*folder_crumbs(standing.tenancy.name, bucket, folder, is_here=False), Crumb("Delete")]
    return render_bucket(request, standing, facts, "data/delete_selected.html", shown, crumbs=crumbs)


def _select(context: Context, row: BucketRow, prefix: str, wanted: Sequence[str]) -> Sequence[Selected]:
    """Return what of these is there. Others than those that were listed are not looked for: one may not list them."""
    found = []
    for key in dict.fromkeys(wanted):
        if key.startswith(prefix):
            there = context.rows.find(OBJECTS, (row.bucket_id, key))
            if there is not None:
                found.append(Selected(key, there))
    return found


def _target(value: str) -> delete_objects.Target | None:
    """Read what `Selected.value` wrote; None for anything else."""
    parts = value.split(" ")
    if len(parts) != 4 or not (_is_count(parts[0], 11) and _is_count(parts[1], 18)):
        return None
    key = unspell(parts[3])
    if not key:
        return None
    return delete_objects.Target(key, None, parts[2], iso_date(int(parts[0])), int(parts[1]))


def _is_count(text: str, digits_max: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits_max


def _delete(request: HttpRequest, acting: Acting, bucket: str, targets: Sequence[delete_objects.Target]) -> None:
    asked = delete_objects.Request(bucket, delete_objects.Delete(tuple(targets)))

    def detail(done: delete_objects.Response) -> dict[str, Any]:
        keys = [each.key for each in done.deleted[:KEYS_NAMED_MAX]]
        return {"deleted": len(done.deleted), "failed": len(done.failed), "keys": keys}

    done = acting.commit(delete_objects.operation, asked, audit="objects.delete", subject=bucket, detail=detail)
    if done.deleted:
        count = "1 object is" if len(done.deleted) == 1 else f"{len(done.deleted):,} objects are"
        messages.success(request, f"{count} deleted.")
    for failure in done.failed[:FAILURES_NAMED_MAX]:
        why = "it was replaced meanwhile" if failure.code == "PreconditionFailed" else failure.message
        messages.error(request, f"{shown(failure.key)} was not deleted: {why} ({failure.code})")
    if len(done.failed) > FAILURES_NAMED_MAX:
        messages.error(request, f"{len(done.failed) - FAILURES_NAMED_MAX:,} more were not deleted.")
