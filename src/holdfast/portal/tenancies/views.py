"""The tenancies of a person, and the dashboard of one."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from holdfast.portal.access import Need, Standing, page, signed_in, tenancy_page

from .pages import render_in
from .shelf import tenancies_of


@page(Need.PERSON)
def home(request: HttpRequest) -> HttpResponse:
    """Show the tenancies that the person is a member of."""
    return render(request, "tenancies/home.html", {"cards": tenancies_of(signed_in(request))})


@tenancy_page(None)
def dashboard(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Show one tenancy."""
    return render_in(request, standing, "tenancies/dashboard.html")
