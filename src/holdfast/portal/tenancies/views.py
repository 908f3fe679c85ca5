"""The tenancies of a person, and the dashboard of one."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from holdfast.auth.roles import Right
from holdfast.portal.access import Need, Standing, find_standing, page, signed_in, tenancy_page

from .first_steps import Step, steps_before_joining, steps_of
from .my_requests import requests_of
from .overview import officers_of, overview
from .pages import render_in, tenancy_path
from .shelf import tenancies_of


@page(Need.PERSON)
def home(request: HttpRequest) -> HttpResponse:
    """Show the tenancies that the person is a member of, and the first steps to whoever has no token yet."""
    person = signed_in(request)
    cards = tenancies_of(person)
    asked = requests_of(person, [card.tenancy.name for card in cards])
    steps: Sequence[Step] = ()
    if not cards:
        steps = steps_before_joining(asked)
    elif not any(card.has_token for card in cards):
        newest = max(cards, key=lambda card: card.member.created_at_us)
        standing = find_standing(person, newest.tenancy.name)
        if standing is not None and not standing.broke_glass:
            steps = steps_of(newest.tenancy.name, overview(standing).facts)
    context = {"cards": cards, "asked": asked, "steps": steps, "section": "home"}
    return render(request, "tenancies/home.html", context)


@tenancy_page(None)
def dashboard(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Show one tenancy: what it holds, how it is reached, and who answers for it."""
    tenancy = standing.tenancy
    if tenancy.state == "suspended" and not standing.may(Right.GRANT_ROLES):
        # Nothing of it works for members; why is between the operators and the managers.
        officers = officers_of(tenancy)
        return render_in(request, standing, "tenancies/dashboard_suspended.html", {"officers": officers})
    seen = overview(standing)
    context = {
        "overview": seen,
        "steps": []
        if seen.facts.is_done or tenancy.state != "active" or standing.broke_glass
        else steps_of(tenancy.name, seen.facts),
        "buckets_url": tenancy_path(tenancy.name, "buckets/"),
        "example": f"{seen.reach.endpoints.outside}/my-bucket/my-key",
    }
    return render_in(request, standing, "tenancies/dashboard.html", context)
