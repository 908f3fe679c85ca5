"""Uploading in the browser: the page, what it asks of the portal, and uploads that were left unfinished.

Bytes never pass through the portal. The page computes checksums, has each request signed here, and sends it to S3.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec

from django.contrib import messages
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from holdfast.admin.errors import AdminError
from holdfast.auth.roles import Right
from holdfast.operations import abort_multipart_upload, head_object, put_object
from holdfast.operations.errors import to_s3
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.tenancies.pages import Crumb, render_in
from holdfast.s3 import names
from holdfast.s3.codes import S3Error
from holdfast.store.errors import AccessDenied, NoSuchKey, StoreError

from .acting import Acting
from .credentials import portal_key
from .objects_places import bucket_crumbs, bucket_path, shown
from .pages import data_page
from .signing import LIFE_S, Signer, record, record_change
from .uploads_unfinished import read_unfinished
from .uploads_wishes import ALGORITHM, BadWish, Wish, read_json, read_wishes

Given = ParamSpec("Given")

MIB: Final = 1024 * 1024
MULTIPART_FROM_BYTES: Final = 16 * MIB
"""Files above this are sent in parts of this size, or larger where there would be too many."""
CHECKED_MAX: Final = 500
"""Names that are looked up at once."""
AUDITED_KEYS_MAX: Final = 20
"""Keys of one batch that its audit row names; it counts them all."""


def _answers_json(
    view: Callable[Concatenate[HttpRequest, Standing, Given], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, Standing, Given], HttpResponseBase]:
    """Make a page answer a script: POST alone, and refusals as JSON with S3's code and the id of the request."""

    @wraps(view)
    def run(request: HttpRequest, standing: Standing, /, *args: Given.args, **kwargs: Given.kwargs) -> HttpResponseBase:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            return view(request, standing, *args, **kwargs)
        except RequestDataTooBig:
            return _refuse(request, 413, "EntityTooLarge", "The body has at most 1 MiB.")
        except BadWish as error:
            return _refuse(request, 400, "InvalidRequest", str(error))
        except AdminError as error:
            return _refuse(request, 403, "AccessDenied", str(error))
        except (StoreError, S3Error) as error:
            s3 = to_s3(error) if isinstance(error, StoreError) else error
            return _refuse(request, s3.status, s3.code, s3.message)

    return run


def _refuse(request: HttpRequest, status: int, code: str, message: str) -> JsonResponse:
    error = {"code": code, "message": message, "request_id": getattr(request, "visit_id", "")}
    return JsonResponse({"error": error}, status=status)


@data_page(Right.WRITE_DATA)
def upload(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponse:
    """Show where files are dropped, and what was left unfinished in the bucket."""
    acting = Acting.of(request, standing)
    prefix = request.GET.get("prefix", "")
    limits = house().settings.limits
    probe = put_object.Request(bucket=bucket, key=f"{prefix}-", grants={}, metadata={}, encryption={}, object_lock={})
    names.check_key(probe.key)
    with house().catalog.read() as rows:
        acting.context(rows, put_object.operation, probe).authorised("s3:PutObject", bucket, probe.key)
        page = read_unfinished(
            acting, bucket, prefix, request.GET.get("after", ""), request.GET.get("after_upload", ""), rows=rows
        )
    tenancy = standing.tenancy.name
    endpoint = house().endpoints(tenancy).outside
    next_url = ""
    if page is not None and page.key_mark:
        next_url = bucket_path(
            tenancy, bucket, "upload/", prefix=prefix, after=page.key_mark, after_upload=page.upload_mark
        )
    context = {
        "bucket": bucket,
        "prefix": prefix,
        "place": f"{bucket}/{shown(prefix)}",
        "listing_url": bucket_path(tenancy, bucket, prefix=prefix),
        "facts": {
            "endpoint": endpoint,
            "sign": bucket_path(tenancy, bucket, "sign/"),
            "check": bucket_path(tenancy, bucket, "upload/check/"),
            "object": bucket_path(tenancy, bucket, "object/"),
            "listing": bucket_path(tenancy, bucket, prefix=prefix),
            "prefix": prefix,
            "person": acting.principal_id,
            "part_bytes": max(MULTIPART_FROM_BYTES, limits.part_bytes_min),
            "parts_max": limits.parts_max,
            "whole_bytes_max": min(MULTIPART_FROM_BYTES, limits.put_bytes_max),
            "object_bytes_max": limits.object_bytes_max,
            "key_bytes_max": names.KEY_LENGTH_MAX_BYTES,
        },
        "command": f"s3cmd put --recursive FOLDER {shlex.quote(f's3://{bucket}/{prefix}')}",
        "unfinished": _rows_of(standing, bucket, page.uploads) if page is not None else None,
        "next_url": next_url,
        "upload_life_days": limits.upload_life_days,
    }
    crumbs = [*bucket_crumbs(tenancy, bucket, prefix), Crumb("Upload")]
    return render_in(request, standing, "data/upload.html", context, current="buckets/", crumbs=crumbs)


def _rows_of(standing: Standing, bucket: str, uploads: list[Any]) -> list[dict[str, Any]]:
    return [
        {
            "shown": shown(each.key),
            "person": each.person,
            "began_at_us": each.began_at_us,
            "parts": each.parts,
            "size_bytes": each.size_bytes,
            "is_all": each.is_all,
            "abort_url": each.may_abort
            and bucket_path(standing.tenancy.name, bucket, "upload/abort/", key=each.key, upload_id=each.upload_id),
        }
        for each in uploads
    ]


@data_page(Right.READ_DATA)
@_answers_json
def sign(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponse:
    """Sign requests that a page wants to send to S3, each for a quarter of an hour, and say why not of each other."""
    acting = Acting.of(request, standing)
    wishes = read_wishes(request.body, bucket)
    tenancy = standing.tenancy.name
    opened = house()
    key = portal_key(acting.tenancy_id, acting.principal_id)
    signer = Signer(acting, key, opened.endpoints(tenancy).outside)
    answers: list[dict[str, Any]] = []
    signed: list[Wish] = []
    with opened.catalog.read() as rows:
        for wish in wishes:
            try:
                made = signer.sign(rows, wish.operation, wish.request, headers=wish.headers)
            except (StoreError, S3Error) as error:
                s3 = to_s3(error) if isinstance(error, StoreError) else error
                answers.append({"error": {"code": s3.code, "message": s3.message}})
                continue
            signed.append(wish)
            answers.append({"method": made.method, "url": made.url, "headers": made.headers})
    for action in sorted({wish.audit for wish in signed if wish.audit}):
        told = [wish for wish in signed if wish.audit == action]
        detail: Mapping[str, Any] = {
            "keys": [wish.key for wish in told[:AUDITED_KEYS_MAX]],
            "count": len(told),
            "access_key": key.access_key_id,
        }
        write_down = record_change if told[0].changes else record
        write_down(acting, tenancy, action, bucket, detail)
    return JsonResponse({"answers": answers, "expires_s": LIFE_S})


@data_page(Right.WRITE_DATA)
@_answers_json
def check_names(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponse:
    """Say of keys which are taken, and by what. Of a key that the person may not ask about nothing is said."""
    keys = _read_keys(request.body)
    acting = Acting.of(request, standing)
    taken: dict[str, dict[str, Any]] = {}
    first = head_object.Request(bucket=bucket, key=keys[0], checksum_mode="ENABLED")
    with house().catalog.read() as rows:
        context = acting.context(rows, head_object.operation, first)
        run = head_object.operation.run
        assert run is not None
        for key in keys:
            try:
                head = run(context, head_object.Request(bucket=bucket, key=key, checksum_mode="ENABLED"))
            except (NoSuchKey, AccessDenied):
                continue
            whole = head.checksum.get(ALGORITHM.lower(), "") if head.checksum.get("type") == "FULL_OBJECT" else ""
            taken[key] = {"size": head.content_length, "crc32": whole}
    return JsonResponse({"taken": taken})


def _read_keys(body: bytes) -> list[str]:
    document = read_json(body)
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= CHECKED_MAX:
        raise BadWish(f"the body is not {{keys: [...]}} with 1 to {CHECKED_MAX} keys")
    for key in keys:
        if not isinstance(key, str):
            raise BadWish("a key is not text")
        names.check_key(key)
    return keys


@data_page(Right.WRITE_DATA)
def abort(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponseBase:
    """Ask before an unfinished upload is thrown away, and do it."""
    acting = Acting.of(request, standing)
    key, upload_id = request.GET.get("key", ""), request.GET.get("upload_id", "")
    names.check_key(key)
    tenancy = standing.tenancy.name
    back = bucket_path(tenancy, bucket, "upload/")
    if request.method == "POST":
        asked = abort_multipart_upload.Request(bucket=bucket, key=key, upload_id=upload_id)
        acting.commit(
            abort_multipart_upload.operation,
            asked,
            audit="upload.abort",
            subject=f"{bucket}/{key}",
            detail=lambda response: {"upload_id": upload_id},
        )
        messages.success(request, f"The unfinished upload of {shown(key)} is thrown away.")
        return redirect(back)
    question = f"The parts of {shown(key)} that arrived are deleted. Whoever sends them has to begin again."
    context = {"question": question, "back": back}
    crumbs = [*bucket_crumbs(tenancy, bucket), Crumb("Upload", back), Crumb("Throw an upload away")]
    return render_in(request, standing, "data/upload_abort.html", context, current="buckets/", crumbs=crumbs)
