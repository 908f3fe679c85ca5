"""Pages about tokens: the list, making one, and ending it. A secret stands in the answer to one POST alone."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods

from holdfast.admin.access_keys import NewKey
from holdfast.admin.errors import AdminError
from holdfast.auth.roles import Right
from holdfast.portal.access import Need, Standing, page, tenancy_page
from holdfast.portal.house import house
from holdfast.portal.paging import page_number
from holdfast.portal.tenancies.pages import Crumb, render_in, tenancy_path
from holdfast.portal.tenancies.shelf import bucket_names_seen

from . import ending, making
from .api_tokens import NewApiToken
from .forms import AddForm, RevokeForm, RotateForm
from .handout import AUTHORITY_FILE, access_of, handouts, has_local_authority, hosts_line
from .ledger import State, Token, count_own, find_token, list_tokens
from .models import READ_ONLY
from .once import claim, give_back
from .parents import children_of
from .recently import recently
from .snippets import Place
from .suggesting import suggest, suggested

TOKENS: Final = "tokens/"
_EXAMPLE_BUCKET: Final = "my-bucket"


@tenancy_page(None)
@require_GET
def tokens(request: HttpRequest, standing: Standing) -> HttpResponseBase:
    """List one's own tokens, and everybody's for those who may see others'."""
    sees_others = standing.may(Right.OTHERS_TOKENS)
    mine_only = not sees_others or request.GET.get("whose") == "mine"
    text = request.GET.get("q", "").strip()[:200]
    state = request.GET.get("state", "")
    state = state if state in State.__members__ else ""
    shown = list_tokens(
        standing,
        standing.person if mine_only else None,
        text,
        state,
        page_number(request),
    )
    query = request.GET.copy()

    def link(to: int) -> str:
        query["page"] = str(to)
        return f"?{query.urlencode()}"

    context = {
        "page": shown,
        "text": text,
        "state": state,
        "states": list(State),
        "sees_others": sees_others,
        "mine_only": mine_only,
        "may_add": standing.may(Right.OWN_TOKENS),
        "me": standing.person.principal_id,
        "own_count": count_own(standing),
        "is_filtered": bool(text or state),
        "previous_url": link(shown.number - 1) if shown.number > 1 else "",
        "next_url": link(shown.number + 1) if shown.has_next else "",
    }
    return render_in(request, standing, "tokens/list.html", context, current=TOKENS, crumbs=[Crumb("Tokens")])


@tenancy_page(Right.OWN_TOKENS)
@recently
@require_http_methods(["GET", "POST"])
@sensitive_variables()
def add(request: HttpRequest, standing: Standing) -> HttpResponseBase:
    """Make a token, and show its secret in this one answer; an operator suggests one to a member."""
    opened = house()
    seen = bucket_names_seen(standing)
    limits = opened.settings.limits
    if request.method != "POST":
        empty = AddForm(standing, limits, opened.now_us(), seen)
        empty.fill(suggested(request.GET))
        return _add_page(request, standing, empty)
    form = AddForm(standing, limits, opened.now_us(), seen, request.POST)
    if not form.is_valid():
        return _add_page(request, standing, form, status=422)
    if not claim(standing.person, form.cleaned_data["form_id"]):
        return _made_already(request, standing)
    try:
        if standing.is_operator:
            return _suggest(request, standing, form)
        made = making.make(standing, form.wish())
    except AdminError as error:
        give_back(standing.person, form.cleaned_data["form_id"])
        form.add_error(None, str(error))
        return _add_page(request, standing, form, status=422)
    buckets = form.all_buckets or list(seen)
    prefixes = form.cleaned_data["prefixes"]
    place = Place(
        buckets[0] if buckets else _EXAMPLE_BUCKET, prefixes[0] if prefixes else "", not form.cleaned_data["read_only"]
    )
    return _made_page(request, standing, made, place)


def _suggest(request: HttpRequest, standing: Standing, form: AddForm) -> HttpResponse:
    owner = suggest(standing, form.wish())
    messages.success(
        request,
        f"No token was made: {owner.person} was sent a link to the form, filled in. They add the token themselves, and "
        "they alone see its secret.",
    )
    return redirect(tenancy_path(standing.tenancy.name, TOKENS))


@tenancy_page(Right.OWN_TOKENS, in_person=True)
@recently
@require_http_methods(["GET", "POST"])
@sensitive_variables()
def rotate(request: HttpRequest, standing: Standing, token: str) -> HttpResponseBase:
    """Make a new secret in the place of one of one's own tokens."""
    found = find_token(standing, token)
    if found is None or found.owner_id != standing.person.principal_id:
        raise Http404
    if not found.state.works:
        messages.error(request, f"{token} is {found.state}: add a new token in its place.")
        return redirect(tenancy_path(standing.tenancy.name, TOKENS))
    form = RotateForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        crumbs = [Crumb("Tokens", tenancy_path(standing.tenancy.name, TOKENS)), Crumb("Rotate")]
        context = {"form": form, "token": found}
        status = 422 if form.is_bound else 200
        return render_in(request, standing, "tokens/rotate.html", context, current=TOKENS, crumbs=crumbs, status=status)
    if not claim(standing.person, form.cleaned_data["form_id"]):
        return _made_already(request, standing)
    try:
        made = making.rotate(standing, found, form.overlap_us)
    except AdminError:
        give_back(standing.person, form.cleaned_data["form_id"])
        raise
    seen = bucket_names_seen(standing)
    row = found.access_key
    place = Place(seen[0] if seen else _EXAMPLE_BUCKET, writes=row is None or not row.read_only)
    return _made_page(request, standing, made, place, replaced=found, overlap=bool(form.overlap_us))


@tenancy_page(None)
@require_http_methods(["GET", "POST"])
def revoke(request: HttpRequest, standing: Standing, token: str) -> HttpResponseBase:
    """End a token: one's own, or another's by the right to."""
    found = find_token(standing, token)
    if found is None:
        raise Http404
    back = tenancy_path(standing.tenancy.name, TOKENS)
    if request.method != "POST":
        whose = "your token" if found.owner_id == standing.person.principal_id else f"the token of {found.owner}"
        description = f" “{found.description}”" if found.description else ""
        consequences = [
            "Every program that uses it is refused within a second, and links that were signed with it stop working.",
            "It can’t be taken back. The data stays as it is.",
        ]
        if whose != "your token":
            consequences.append(f"{found.owner} is told by mail.")
        made = [
            one for each in children_of(token) if (one := find_token(standing, each)) is not None and one.state.works
        ]
        form = RevokeForm(len(made))
        context = {
            "token": found,
            "fields": list(form) if made else (),
            "question": f"Revoke {found.token_id}?",
            "text": f"This is {whose}{description}.",
            "consequences": consequences,
            "back": back,
        }
        crumbs = [Crumb("Tokens", back), Crumb("Revoke")]
        return render_in(request, standing, "tokens/revoke.html", context, current=TOKENS, crumbs=crumbs)
    was_revoked = found.state is State.REVOKED
    ending.revoke(standing, found)
    count = ending.revoke_made(standing, token) if request.POST.get("made") else 0
    if was_revoked:
        messages.info(request, f"{token} was revoked before.")
    else:
        messages.success(request, f"{token} is revoked. Nothing is accepted from it any more.")
    if count:
        messages.success(request, f"Tokens that it had made are revoked, too: {count}.")
    return redirect(back)


@tenancy_page(Right.OWN_TOKENS, in_person=True)
@require_http_methods(["GET", "POST"])
def revoke_mine(request: HttpRequest, standing: Standing) -> HttpResponseBase:
    """End all of one's own tokens in this tenancy."""
    back = tenancy_path(standing.tenancy.name, TOKENS)
    if request.method != "POST":
        crumbs = [Crumb("Tokens", back), Crumb("Revoke all of mine")]
        count = count_own(standing)
        context = {
            "question": f"Revoke all your tokens in {standing.tenancy.name}: {count}?",
            "consequences": [
                "Every program of yours that works in this tenancy is refused within a second.",
                "Links to its objects that you shared stop working, too.",
                "It can’t be taken back. The data stays as it is, and tokens in other tenancies too.",
            ],
            "back": back,
        }
        return render_in(request, standing, "tokens/revoke_mine.html", context, current=TOKENS, crumbs=crumbs)
    count = ending.revoke_own(standing)
    if count:
        messages.success(request, f"All your tokens in {standing.tenancy.name} are revoked: {count}.")
    else:
        messages.info(request, f"You have no token in {standing.tenancy.name} that could be revoked.")
    return redirect(back)


@page(Need.ANYBODY)
@require_GET
def authority(request: HttpRequest) -> HttpResponseBase:
    """Answer the certificate of the local authority, which clients of https have to be told of. It is no secret."""
    opened = house()
    path = opened.home.tls / AUTHORITY_FILE
    if not has_local_authority(opened.serving()) or not path.is_file():
        raise Http404
    headers = {"Cache-Control": "max-age=300"}
    return FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=AUTHORITY_FILE,
        content_type="application/x-pem-file",
        headers=headers,
    )


def _add_page(request: HttpRequest, standing: Standing, form: AddForm, status: int = 200) -> HttpResponse:
    crumbs = [Crumb("Tokens", tenancy_path(standing.tenancy.name, TOKENS)), Crumb("Add")]
    return render_in(request, standing, "tokens/add.html", {"form": form}, current=TOKENS, crumbs=crumbs, status=status)


@sensitive_variables()
def _made_page(
    request: HttpRequest,
    standing: Standing,
    made: NewKey | NewApiToken,
    place: Place,
    *,
    replaced: Token | None = None,
    overlap: bool = False,
) -> HttpResponse:
    context: dict[str, Any] = {
        "token_id": making.id_of(made),
        "secret": made.secret,
        "replaced": replaced,
        "overlap": overlap,
        "tokens_url": tenancy_path(standing.tenancy.name, TOKENS),
        "buckets_url": tenancy_path(standing.tenancy.name, "buckets/"),
    }
    opened = house()
    if isinstance(made, NewKey):
        serving = opened.serving()
        access = access_of(serving, standing.tenancy.name, opened.settings.region, made.row.access_key_id, made.secret)
        context |= {
            "last_us": _last(made.ends_at_us),
            "handouts": handouts(access, serving, place),
            "endpoint": access.outside if serving.s3_tls else "",
            "region": access.region,
            "hosts_line": hosts_line(serving, standing.tenancy.name),
            "authority": AUTHORITY_FILE if has_local_authority(serving) else "",
        }
    else:
        context |= {
            "last_us": _last(made.token.expires_at_us),
            "is_read_only": made.token.scope == READ_ONLY,
            "api_example": _api_example(opened.settings.portal_origin, made.secret),
        }
    crumbs = [Crumb("Tokens", tenancy_path(standing.tenancy.name, TOKENS)), Crumb("Your new token")]
    answer = render_in(request, standing, "tokens/made.html", context, current=TOKENS, crumbs=crumbs)
    answer["Cache-Control"] = "no-store"
    return answer


def _last(end_us: int | None) -> int | None:
    return None if end_us is None else end_us - 1


def _made_already(request: HttpRequest, standing: Standing) -> HttpResponse:
    crumbs = [Crumb("Tokens", tenancy_path(standing.tenancy.name, TOKENS)), Crumb("Already made")]
    back = tenancy_path(standing.tenancy.name, TOKENS)
    context = {"tokens_url": back, "add_url": f"{back}add/"}
    return render_in(request, standing, "tokens/made_already.html", context, current=TOKENS, crumbs=crumbs, status=409)


def _api_example(origin: str, secret: str) -> str:
    return f"curl -H 'Authorization: Bearer {secret}' {origin}/api/v1/tenancies\n"
