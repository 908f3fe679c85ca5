"""One object: what it is, a look into it, its download, and what can be changed of it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from holdfast.auth.roles import Right
from holdfast.catalog.interface import Snapshot
from holdfast.config import show_size
from holdfast.operations import copy_object, delete_object, get_object, put_object_tagging
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.pace import check_pace, is_within
from holdfast.portal.tenancies.pages import Crumb, render_in
from holdfast.s3 import names
from holdfast.s3.documents import tagging
from holdfast.store.errors import ChangedMeanwhile, NoSuchKey

from .acting import Acting
from .credentials import portal_key
from .objects_details import PARTS_SHOWN_MAX, Details, as_sent, get_row, read_details, stamp
from .objects_forms import MetadataForm, TagsForm
from .objects_places import bucket_crumbs, bucket_path, folder_of, name_of, object_path, shown
from .objects_preview import BYTES_MAX, Preview, choose_preview
from .pages import data_page
from .signing import Signed, Signer, attachment, record

HEADER_LABELS: Final = {
    "cache-control": "Cache-Control",
    "content-disposition": "Content-Disposition",
    "content-encoding": "Content-Encoding",
    "content-language": "Content-Language",
    "expires": "Expires",
    "x-amz-website-redirect-location": "Redirects to",
}
CHANGED: Final = "The object was changed by somebody meanwhile. Look at what it is now, then make your change again."


READS_A_MINUTE_MAX: Final = 120
"""Previews, and downloads, of one person: each is written into the audit. Who fetches more takes an S3 client."""


def _came_from_elsewhere(request: HttpRequest) -> bool:
    """Whether a page of another origin sent the browser here. Tenancies' hosts are of the same site, and not ours.

    Browsers that say nothing of it came by themselves as far as we know.
    Source: https://www.w3.org/TR/fetch-metadata/
    """
    return request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")


def asked_key(request: HttpRequest) -> str:
    """Return the key that a page is about. Raises S3Error for what can't be one."""
    key = request.GET.get("key", "")
    names.check_key(key)
    return key


@data_page(Right.READ_DATA)
def show_object(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponse:
    """Show an object: facts, checksums, metadata, tags, parts, a preview, and what can be done with it."""
    key = asked_key(request)
    acting = Acting.of(request, standing)
    details = read_details(acting, bucket, key)
    row = details.row
    tenancy = standing.tenancy.name
    preview = choose_preview(key, row.content_type, row.size_bytes)
    is_held_back = preview is not None and (
        _came_from_elsewhere(request) or not is_within(f"preview:{acting.principal_id}", READS_A_MINUTE_MAX)
    )
    if is_held_back:
        preview = None
    preview_url = _preview_url(acting, tenancy, bucket, key, preview) if preview is not None else ""
    too_large = preview is None and not is_held_back and row.size_bytes > BYTES_MAX
    context = {
        "bucket": bucket,
        "key": shown(key),
        "name": shown(name_of(key)),
        "details": details,
        "exact_bytes": f"{row.size_bytes:,}",
        "facts": _facts(details, bucket, key, tenancy),
        "metadata": [{"label": shown(name), "value": shown(value)} for name, value in details.metadata.items()],
        "parts_shown_max": PARTS_SHOWN_MAX,
        "parts": [_part(part) for part in details.parts],
        "preview": preview,
        "preview_url": preview_url,
        "is_held_back": is_held_back,
        "here": object_path(tenancy, bucket, key),
        "is_too_large": too_large,
        "preview_bytes_max": BYTES_MAX,
        "download_url": object_path(tenancy, bucket, key, "download/"),
        "share_url": object_path(tenancy, bucket, key, "share/"),
        "tags_url": object_path(tenancy, bucket, key, "tags/"),
        "metadata_url": object_path(tenancy, bucket, key, "metadata/"),
        "delete_url": object_path(tenancy, bucket, key, "delete/"),
        "may_change_metadata": details.may_write and row.size_bytes <= house().settings.limits.put_bytes_max,
        "snippets": _snippets(bucket, key),
    }
    return _render(request, standing, "data/object.html", bucket, key, context)


def _render(
    request: HttpRequest, standing: Standing, template: str, bucket: str, key: str, context: Any, *more: Crumb
) -> HttpResponse:
    tenancy = standing.tenancy.name
    own = Crumb(shown(name_of(key)), object_path(tenancy, bucket, key) if more else "")
    crumbs = [*bucket_crumbs(tenancy, bucket, folder_of(key)), own, *more]
    return render_in(request, standing, template, context, current="buckets/", crumbs=crumbs)


def _facts(details: Details, bucket: str, key: str, tenancy: str) -> list[dict[str, Any]]:
    row = details.row
    endpoints = house().endpoints(tenancy)
    path = f"{quote(bucket, safe='')}/{quote(key, safe='/')}"
    facts: list[dict[str, Any]] = [
        {"label": "Type", "value": shown(row.content_type), "mono": True},
        {"label": "ETag", "value": row.etag, "mono": True},
    ]
    if row.checksum:
        algorithm, kind, value = row.checksum.split(":", 2)
        of = "of the whole object" if kind == "FULL_OBJECT" else "of its parts' checksums"
        facts.append({"label": f"{algorithm} {of}, in base64", "value": value, "mono": True})
    facts += [
        {"label": HEADER_LABELS.get(name, name), "value": shown(value), "mono": True}
        for name, value in details.headers.items()
    ]
    if row.storage_class != "STANDARD":
        facts.append({"label": "Storage class", "value": row.storage_class})
    facts += [
        {"label": "S3 address", "value": f"s3://{bucket}/{shown(key)}", "copyable": shown(key) == key},
        {"label": "Outside address", "value": f"{endpoints.outside}/{path}", "copyable": True},
        {"label": "Inside address", "value": f"{endpoints.inside}/{path}", "copyable": True},
    ]
    return facts


def _part(part: Any) -> dict[str, Any]:
    algorithm, _, value = part.checksum.partition(":")
    return {
        "number": part.part_number,
        "size_bytes": part.size_bytes,
        "etag": part.etag,
        "checksum": f"{algorithm} {value}" if algorithm else "",
    }


def _snippets(bucket: str, key: str) -> list[dict[str, str]]:
    """Return the lines that fetch an object: s3cmd and Python take the endpoint and the token from their own files."""
    address = shlex.quote(f"s3://{bucket}/{key}")
    name = shlex.quote(f"./{_file_name(key)}")
    python = (
        "import s3fs\n\n"
        "fs = s3fs.S3FileSystem()  # key, secret and endpoint_url: from your token's files\n"
        f"with fs.open({f'{bucket}/{key}'!a}, 'rb') as file:\n"
        "    data = file.read()\n"
    )
    in_python = {"label": "Python", "code": python, "title": "Read it with s3fs"}
    if shown(key) != key:
        return [in_python]  # what can't be seen in a line is not copied into a shell
    return [
        {"label": "s3cmd", "code": f"s3cmd get {address} {name}\n", "title": "Fetch it with s3cmd"},
        {"label": "aws", "code": f"aws s3 cp {address} {name}\n", "title": "Fetch it with the AWS command line"},
        in_python,
    ]


def _file_name(key: str) -> str:
    name = name_of(key).strip("/")
    return name if name not in ("", ".", "..") and name.isprintable() else "object"


def _preview_url(acting: Acting, tenancy: str, bucket: str, key: str, preview: Preview) -> str:
    """Return where S3 shows an object under a safe type; written into the audit, for it hands the bytes out."""
    asked = get_object.Request(
        bucket=bucket,
        key=key,
        response_content_type=preview.content_type,
        response_content_disposition="inline",
        response_cache_control="no-store",
    )
    signed = _sign_read(acting, tenancy, asked)
    record(acting, tenancy, "object.preview", f"{bucket}/{key}", {"kind": preview.kind})
    return signed.url


def _sign_read(acting: Acting, tenancy: str, asked: get_object.Request) -> Signed:
    opened = house()
    signer = Signer(acting, portal_key(acting.tenancy_id, acting.principal_id), opened.endpoints(tenancy).outside)
    with opened.catalog.read() as rows:
        return signer.sign(rows, get_object.operation, asked)


@data_page(Right.READ_DATA)
def download(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponse:
    """Lead to S3, which sends the bytes to be saved under the key's last name. Raises TooOften."""
    key = asked_key(request)
    acting = Acting.of(request, standing)
    tenancy = standing.tenancy.name
    if _came_from_elsewhere(request) and request.headers.get("Sec-Fetch-User") != "?1":
        # Nobody clicked: another site's page would have files saved, and written down as this person's.
        return redirect(object_path(tenancy, bucket, key))
    check_pace("download", acting.principal_id, READS_A_MINUTE_MAX)
    read_details(acting, bucket, key)  # a page of ours says that it is not there, not XML of S3's
    asked = get_object.Request(bucket=bucket, key=key, response_content_disposition=attachment(key))
    signed = _sign_read(acting, tenancy, asked)
    record(acting, tenancy, "object.download", f"{bucket}/{key}", {})
    return HttpResponseRedirect(signed.url)


def _unchanged(acting: Acting, bucket: str, key: str, seen: str) -> Callable[[Snapshot], None]:
    """Return what raises ChangedMeanwhile, in the transaction, when the object is not the one that the form showed."""

    def check(rows: Snapshot) -> None:
        if stamp(get_row(acting, rows, bucket, key)) != seen:
            raise ChangedMeanwhile

    return check


@data_page(Right.WRITE_DATA)
def edit_tags(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponseBase:
    """Show the tags of an object, and put others in their place."""
    key = asked_key(request)
    acting = Acting.of(request, standing)
    details = read_details(acting, bucket, key)
    here = object_path(standing.tenancy.name, bucket, key)
    if request.method == "POST":
        form = TagsForm(request.POST)
        if form.is_valid():
            pairs = form.cleaned_data["tags"]
            asked = put_object_tagging.Request(bucket=bucket, key=key, tagging=tagging.write(pairs))
            try:
                acting.commit(
                    put_object_tagging.operation,
                    asked,
                    audit="object.tag",
                    subject=f"{bucket}/{key}",
                    detail=lambda response: {"tags": dict(pairs)},
                    check=_unchanged(acting, bucket, key, form.cleaned_data["seen"]),
                )
                messages.success(request, "The tags are changed.")
            except ChangedMeanwhile:
                messages.error(request, CHANGED)
            return redirect(here)
    else:
        form = TagsForm(tags=details.tags, initial={"seen": details.seen})
    context = {"form": form, "key": shown(key), "back": here}
    return _render(request, standing, "data/object_tags.html", bucket, key, context, Crumb("Tags"))


@data_page(Right.WRITE_DATA)
def edit_metadata(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponseBase:
    """Show the headers and metadata of an object, and write it anew with others: a copy onto itself, by rows alone."""
    key = asked_key(request)
    acting = Acting.of(request, standing)
    details = read_details(acting, bucket, key)
    here = object_path(standing.tenancy.name, bucket, key)
    if request.method == "POST":
        form = MetadataForm(request.POST)
        if form.is_valid():
            try:
                _write_metadata(acting, bucket, key, details, form.cleaned_data)
                messages.success(request, "The metadata are changed.")
            except ChangedMeanwhile:
                messages.error(request, CHANGED)
            return redirect(here)
    else:
        form = MetadataForm(
            initial={
                "seen": details.seen,
                "content_type": details.row.content_type,
                "metadata": "\n".join(f"{name}: {value}" for name, value in details.metadata.items()),
                **{name.replace("-", "_"): value for name, value in details.headers.items()},
            }
        )
    context = {"form": form, "key": shown(key), "back": here}
    return _render(request, standing, "data/object_metadata.html", bucket, key, context, Crumb("Metadata"))


def _write_metadata(acting: Acting, bucket: str, key: str, details: Details, given: dict[str, Any]) -> None:
    kept = {name: as_sent(details.headers[name]) for name in ("expires",) if name in details.headers}
    redirects_to = details.headers.get("x-amz-website-redirect-location")
    asked = copy_object.Request(
        bucket=bucket,
        key=key,
        copy_source=f"{quote(bucket, safe='')}/{quote(key, safe='')}",
        metadata_directive="REPLACE",
        content_type=as_sent(given["content_type"]),
        cache_control=as_sent(given["cache_control"]) or None,
        content_disposition=as_sent(given["content_disposition"]) or None,
        content_encoding=as_sent(given["content_encoding"]) or None,
        content_language=as_sent(given["content_language"]) or None,
        expires=kept.get("expires"),
        website_redirect_location=as_sent(redirects_to) if redirects_to else None,
        storage_class=details.row.storage_class,
        metadata={name: as_sent(value) for name, value in given["metadata"].items()},
        grants={},
        encryption={},
        object_lock={},
    )
    acting.commit(
        copy_object.operation,
        asked,
        audit="object.metadata",
        subject=f"{bucket}/{key}",
        detail=lambda response: {"names": sorted(given["metadata"]), "content_type": given["content_type"]},
        check=_unchanged(acting, bucket, key, given["seen"]),
    )


@data_page(Right.WRITE_DATA)
def delete(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponseBase:
    """Ask before an object is deleted, and delete it, unless it was changed since the question."""
    key = asked_key(request)
    acting = Acting.of(request, standing)
    tenancy = standing.tenancy.name
    folder = bucket_path(tenancy, bucket, prefix=folder_of(key))
    try:
        details = read_details(acting, bucket, key)
    except NoSuchKey:
        if request.method != "POST":
            raise
        messages.info(request, f"{shown(name_of(key))} is deleted already.")
        return redirect(folder)
    here = object_path(tenancy, bucket, key)
    if request.method == "POST":
        asked = delete_object.Request(bucket=bucket, key=key)
        try:
            acting.commit(
                delete_object.operation,
                asked,
                audit="object.delete",
                subject=f"{bucket}/{key}",
                detail=lambda response: {"size_bytes": details.row.size_bytes, "etag": details.row.etag},
                check=_unchanged(acting, bucket, key, request.POST.get("seen", "")),
            )
        except ChangedMeanwhile:
            messages.error(request, CHANGED)
            return redirect(here)
        messages.success(request, f"{shown(name_of(key))} is deleted.")
        return redirect(folder)
    context = {
        "key": shown(key),
        "name": shown(name_of(key)),
        "question": f"{shown(key)}, {show_size(details.row.size_bytes)}, in the bucket {bucket}.",
        "consequences": ["It can't be undone: the store keeps no copy.", "Links to it and programs that read it fail."],
        "hidden": [{"name": "seen", "value": details.seen}],
        "back": here,
    }
    return _render(request, standing, "data/object_delete.html", bucket, key, context, Crumb("Delete"))
