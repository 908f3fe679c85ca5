"""Pages for giving buckets of who left, or is away, to somebody who is there."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from holdfast.admin.errors import Refused, Unknown
from holdfast.auth.roles import Right
from holdfast.portal.access import Standing, tenancy_page
from holdfast.portal.house import house
from holdfast.portal.joining.telling import sentence
from holdfast.portal.paging import cut
from holdfast.store.quotas import get_usage, used_bytes, used_objects

from .leavers import Line, Plan, carry_out, get_line, key_states, names_of_owners, owner_lines, plan
from .leavers_forms import TransferForm
from .pages import Crumb, render_in, tenancy_path

_TAB = "leavers/"
KEYS_SHOWN_MAX = 50


@tenancy_page(Right.GRANT_ROLES)
@require_safe
def leavers(request: HttpRequest, standing: Standing) -> HttpResponse:
    """List the owners of buckets who are no members any more, or all owners."""
    everybody = request.GET.get("show") == "all"
    with house().catalog.read() as rows:
        lines = owner_lines(rows, standing, everybody=everybody)
    page = cut(request, len(lines), lambda start, stop: lines[start:stop])
    context = {"page": page, "everybody": everybody}
    return render_in(request, standing, "tenancies/leavers.html", context, current=_TAB)


@tenancy_page(Right.GRANT_ROLES)
def transfer(request: HttpRequest, standing: Standing, owner_id: str) -> HttpResponse:
    """Choose buckets of an owner and a new one; show what would change; change it once that was seen."""
    with house().catalog.read() as rows:
        line = get_line(rows, standing, owner_id)
        keys = key_states(rows, standing, line.owner)
        usages = [(bucket.name, get_usage(rows, bucket.bucket_id)) for bucket in line.owner.buckets]
        sizes = [(name, used_bytes(usage), used_objects(usage)) for name, usage in usages]
        form = TransferForm(
            sizes, names_of_owners(rows, standing, line.owner), request.POST if request.method == "POST" else None
        )
        planned: Plan | None = None
        if request.method == "POST" and form.is_valid():
            said = form.cleaned_data
            try:
                planned = plan(rows, standing, line.owner, said["buckets"], said["new_owner"])
            except Unknown:
                form.add_error("new_owner", "Nobody has this user name.")
            except Refused as error:
                form.add_error("new_owner" if said["new_owner"] in str(error) else None, sentence(str(error)))
    if planned is not None and form.cleaned_data["mark"]:
        if form.cleaned_data["mark"] == planned.mark:
            return _carry_out(request, standing, line, planned)
        messages.warning(request, "Something has changed since you looked. This is what would change now:")
    path = tenancy_path(standing.tenancy.name, _TAB)
    context = {
        "line": line,
        "form": form,
        "planned": planned,
        "hidden": _hidden(planned) if planned is not None else (),
        "keys": keys[:KEYS_SHOWN_MAX],
        "key_count": len(keys),
        "back": path,
        "here": f"{path}{owner_id}/",
    }
    crumbs = [Crumb("Former members", path), Crumb(line.label)]
    return render_in(
        request, standing, "tenancies/leavers_transfer.html", context,
        current=_TAB, crumbs=crumbs, status=400 if form.errors else 200,
    )  # fmt: skip


def _hidden(planned: Plan) -> list[dict[str, str]]:
    chosen = [{"name": "buckets", "value": each.bucket.name} for each in planned.transfers]
    return [*chosen, {"name": "new_owner", "value": planned.new_owner}, {"name": "mark", "value": planned.mark}]


def _carry_out(request: HttpRequest, standing: Standing, line: Line, planned: Plan) -> HttpResponse:
    done, refusal = carry_out(standing, line.owner, planned)
    if done:
        what = f"The bucket {done[0].bucket.name} is" if len(done) == 1 else f"{len(done)} buckets are"
        messages.success(request, f"{what} {planned.new_owner}'s now.")
    if refusal:
        messages.error(request, f"{sentence(refusal)} {len(planned.transfers) - len(done)} were not transferred.")
    return redirect(tenancy_path(standing.tenancy.name, _TAB))
