"""Pages about who can see a bucket: what is so, what it could be, and the policy itself for those who write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from holdfast.auth.policies import resolver
from holdfast.auth.roles import Right
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import BucketRow
from holdfast.config import show_size
from holdfast.operations import list_objects_v2, put_bucket_policy
from holdfast.operations.context import Context
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.tenancies.pages import Crumb
from holdfast.s3 import policy as policies
from holdfast.s3.codes import S3Error

from .acting import Acting
from .buckets_frame import BucketFacts, look_at, render_bucket
from .objects_places import bucket_path
from .pages import data_page
from .sharing_access import EXAMPLE_KEY, access_of, differences, find_party, parties_of, reads_without_listing
from .sharing_acts import change_policy, mark_of, may_publish
from .sharing_forms import AskWho, ChoosePreset, EditPolicy, OneMember
from .sharing_person import with_member
from .sharing_presets import Preset, example_document, visibility_of
from .sharing_words import joined, sentences_of


def _open(acting: Acting, rows: Snapshot, bucket: str, prefix: str = "") -> tuple[Context, BucketRow]:
    """Return a bucket for who answers for it. Raises AccessDenied or NoSuchBucket.

    The context is that of a list, so that conditions on what is listed can be asked.
    """
    context = acting.context(rows, list_objects_v2.operation, list_objects_v2.Request(bucket, prefix=prefix or None))
    return context, context.authorised("s3:GetBucketPolicy", bucket)


@data_page(Right.CHANGE_BUCKET)
@require_GET
def sharing(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponse:
    """Show who can see a bucket and why, and what else it could be."""
    asked = AskWho(request.GET)
    asked.is_valid()
    who = asked.cleaned_data.get("who", "")
    key = asked.cleaned_data.get("key", "")
    with house().catalog.read() as rows:
        context, row = _open(Acting.of(request, standing), rows, bucket, key)
        facts = look_at(context, row, EXAMPLE_KEY)
        parties = list(parties_of(context, row))
        found = find_party(context, who) if who else None
        table = [access_of(context, row, party, key or EXAMPLE_KEY) for party in ([found] if found else parties)]
        sentences = sentences_of(rows, row, standing.tenancy.name)
        publishes = may_publish(context)
    preset = facts.visibility.preset
    tenancy = standing.tenancy.name
    return render_bucket(
        request,
        standing,
        facts,
        "data/sharing.html",
        {
            "form": ChoosePreset(initial={"preset": preset.name if preset else None}, may_publish=publishes),
            "may_publish": publishes,
            "ask_form": AskWho(initial={"who": who, "key": key}),
            "asked_for": who or key,
            "unknown": who if who and found is None else "",
            "access": table,
            "has_conditions": any(access.is_conditional for access in table),
            "sentences": sentences,
            "not_listing": joined(reads_without_listing(table)) if reads_without_listing(table) else "",
            "change_url": bucket_path(tenancy, bucket, "sharing/change/"),
            "policy_url": bucket_path(tenancy, bucket, "sharing/policy/"),
            "member_form": OneMember(),
            "member_url": bucket_path(tenancy, bucket, "sharing/member/"),
        },
        crumbs=[Crumb("Sharing")],
    )


@data_page(Right.CHANGE_BUCKET)
def change(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponseBase:
    """Say what a preset would change, and change it."""
    acting = Acting.of(request, standing)
    given = request.POST if request.method == "POST" else request.GET
    with house().catalog.read() as rows:
        context, row = _open(acting, rows, bucket)
        facts = look_at(context, row, EXAMPLE_KEY)
        form = ChoosePreset(given, may_publish=True)
        if not form.is_valid():
            return redirect(bucket_path(standing.tenancy.name, bucket, "sharing/"))
        preset = form.chosen
        if preset.is_public:
            put_bucket_policy.check_may_publish(context)
        document = preset.build(standing.tenancy, bucket)
        changes = differences(context, row, _with_policy(context, row, document))
    if request.method == "POST":
        change_policy(acting, bucket, document, request.POST.get("seen", ""))
        messages.success(request, f"From now on {preset.effect.format(it='it')}.")
        return redirect(bucket_path(standing.tenancy.name, bucket, "sharing/"))
    return render_bucket(
        request,
        standing,
        facts,
        "data/change_sharing.html",
        {
            "title": f"Change {bucket} to “{preset.label}”?",
            "text": f"From now on {preset.effect.format(it=holding(facts))}.",
            "consequences": _consequences(facts, preset),
            "button": "Make it public" if preset.is_public else "Change who can see it",
            "is_same": facts.visibility.preset is preset,
            "hidden": [{"name": "preset", "value": preset.name}, {"name": "seen", "value": mark_of(row.policy)}],
            "changes": changes,
            "cancel_url": bucket_path(standing.tenancy.name, bucket, "sharing/"),
        },
        crumbs=[Crumb("Sharing", bucket_path(standing.tenancy.name, bucket, "sharing/")), Crumb("Change")],
    )


@data_page(Right.CHANGE_BUCKET)
@require_GET
def share_with_member(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponseBase:
    """Say what sharing with one member would change, on the page that then puts the policy."""
    with house().catalog.read() as rows:
        context, row = _open(Acting.of(request, standing), rows, bucket)
        facts = look_at(context, row, EXAMPLE_KEY)
        form = OneMember(request.GET)
        sharing_url = bucket_path(standing.tenancy.name, bucket, "sharing/")
        if not form.is_valid():
            messages.error(request, "Say with which member, by their user name.")
            return redirect(sharing_url)
        name, reach = form.cleaned_data["member"].lower(), form.cleaned_data["reach"]
        if reach != "none" and find_party(context, name) is None:
            messages.error(request, f"There is no member {name} in this tenancy. Check the user name.")
            return redirect(sharing_url)
        document = with_member(row.policy, bucket, name, reach)
        if document == row.policy:
            messages.info(request, "It is so already: nothing would change.")
            return redirect(sharing_url)
        return _preview(request, standing, context, facts, _with_policy(context, row, document), mark_of(row.policy))


def _with_policy(context: Context, row: BucketRow, document: str) -> BucketRow:
    """Return a bucket as it would be with another policy. Raises MalformedPolicy."""
    if not document:
        return row._replace(policy="", compiled_policy="")
    compiled = policies.parse(document, row.name, resolver(context.rows, context.tenancy)).source
    return row._replace(policy=document, compiled_policy=compiled)


def holding(facts: BucketFacts) -> str:
    """Return what a bucket holds, in words: `1.2 TB in 12,345 objects`."""
    if not facts.objects:
        return "whatever is put into it"
    count = "1 object" if facts.objects == 1 else f"{facts.objects:,} objects"
    return f"{show_size(facts.used_bytes)} in {count}, and whatever is added"


def contents(facts: BucketFacts) -> str:
    """Say what a bucket holds."""
    if not facts.objects:
        return "It is empty so far."
    count = "1 object" if facts.objects == 1 else f"{facts.objects:,} objects"
    return f"It holds {show_size(facts.used_bytes)} in {count}."


def _consequences(facts: BucketFacts, preset: Preset) -> Sequence[str]:
    found = []
    if preset.is_public:
        found.append(
            "No account is needed, and search engines may find it. Never share personal or sensitive data in this way."
        )
    elif facts.visibility.is_public:
        found.append("People outside lose access at once. What they have downloaded stays with them.")
    if facts.visibility.preset is None:
        found.append("The custom policy is replaced. Copy it first if you want it back.")
    return found


@data_page(Right.CHANGE_BUCKET)
def edit_policy(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponseBase:
    """Let who writes policies edit this one: first what would change, then the change."""
    acting = Acting.of(request, standing)
    with house().catalog.read() as rows:
        context, row = _open(acting, rows, bucket)
        facts = look_at(context, row, EXAMPLE_KEY)
        if request.method != "POST":
            form = EditPolicy(initial={"document": row.policy})
            return _editor(request, standing, facts, form, mark_of(row.policy))
        seen = request.POST.get("seen", "")
        form = EditPolicy(request.POST)
        if not form.is_valid() or request.POST.get("step") == "edit":
            return _editor(request, standing, facts, form, seen)
        document = form.cleaned_data["document"]
        try:
            changed = _with_policy(context, row, document)
        except S3Error as error:
            form.add_error("document", error.message)
            return _editor(request, standing, facts, form, seen)
        if request.POST.get("confirmed") != mark_of(document):
            return _preview(request, standing, context, facts, changed, seen)
    change_policy(acting, bucket, document, seen)
    messages.success(request, "The policy is in force." if document else "The policy is gone: the bucket is private.")
    return redirect(bucket_path(standing.tenancy.name, bucket, "sharing/"))


def _editor(request: HttpRequest, standing: Standing, facts: BucketFacts, form: EditPolicy, seen: str) -> HttpResponse:
    context = {
        "form": form,
        "seen": seen,
        "example": example_document(facts.name),
        "cancel_url": bucket_path(standing.tenancy.name, facts.name, "sharing/"),
    }
    status = 400 if form.is_bound and form.errors else 200
    return render_bucket(
        request,
        standing,
        facts,
        "data/edit_policy.html",
        context,
        crumbs=_policy_crumbs(standing, facts),
        status=status,
    )


def _policy_crumbs(standing: Standing, facts: BucketFacts) -> Sequence[Crumb]:
    return [Crumb("Sharing", bucket_path(standing.tenancy.name, facts.name, "sharing/")), Crumb("Policy")]


def _preview(
    request: HttpRequest,
    standing: Standing,
    context: Context,
    facts: BucketFacts,
    changed: BucketRow,
    seen: str,
) -> HttpResponse:
    visibility = visibility_of(changed)
    refusal = ""
    if visibility.is_public and not may_publish(context):
        refusal = "The policy opens the bucket to everyone, which you may not do in this tenancy: it would be refused."
    blind = reads_without_listing([access_of(context, changed, party) for party in parties_of(context, changed)])
    shown: dict[str, Any] = {
        "visibility": visibility,
        "changes": differences(context, facts.row, changed),
        "sentences": sentences_of(context.rows, changed, standing.tenancy.name),
        "document": changed.policy,
        "not_listing": joined(blind) if blind else "",
        "contents": contents(facts),
        "is_stale": mark_of(facts.row.policy) != seen,
        "refusal": refusal,
        "seen": seen,
        "confirmed": mark_of(changed.policy),
        "policy_url": bucket_path(standing.tenancy.name, facts.name, "sharing/policy/"),
        "cancel_url": bucket_path(standing.tenancy.name, facts.name, "sharing/"),
    }
    crumbs = _policy_crumbs(standing, facts)
    return render_bucket(request, standing, facts, "data/preview_policy.html", shown, crumbs=crumbs)
