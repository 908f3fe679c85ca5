"""The page at which people ask to join a tenancy."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def ask_to_join(request: HttpRequest, tenancy: str) -> HttpResponse:
    """Show how to ask to join a tenancy: the same page whether it is hidden, or not there at all."""
    return render(request, "joining/ask.html", {"tenancy_name": tenancy})
