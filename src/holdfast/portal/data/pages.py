"""Pages about data: for members alone, and with whom to ask when the store refuses."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from holdfast.auth.roles import Right
from holdfast.operations.errors import to_s3
from holdfast.portal.access import Standing, View, tenancy_page
from holdfast.portal.errors import error_page
from holdfast.portal.people.lookups import managers_of
from holdfast.s3.codes import S3Error
from holdfast.store.errors import SiteReadOnly, StorageFull, StorageReadOnly, StoreError, TenancyClosed

Given = ParamSpec("Given")


def data_page(
    right: Right,
) -> Callable[[Callable[Concatenate[HttpRequest, Standing, Given], HttpResponseBase]], View]:
    """Make a page about a tenancy's data. Operators who are no members have none.

    What the store refuses is said with S3's code and with the managers' names.
    """

    def decorate(view: Callable[Concatenate[HttpRequest, Standing, Given], HttpResponseBase]) -> View:
        @wraps(view)
        def run(
            request: HttpRequest, standing: Standing, /, *args: Given.args, **kwargs: Given.kwargs
        ) -> HttpResponseBase:
            try:
                return view(request, standing, *args, **kwargs)
            except (StoreError, S3Error) as error:
                return refused(request, standing, error)

        return tenancy_page(right, in_person=True)(run)

    return decorate


def refused(request: HttpRequest, standing: Standing, error: StoreError | S3Error) -> HttpResponseBase:
    """Return the page for what the store refused."""
    s3 = to_s3(error) if isinstance(error, StoreError) else error
    text = s3.message
    if isinstance(error, TenancyClosed) and standing.is_manager and standing.tenancy.reason:
        text = f"{text} The reason given: {standing.tenancy.reason}"
    # What operators began is theirs to end; and nobody is told to ask themselves.
    of_operators = isinstance(error, SiteReadOnly | StorageFull | StorageReadOnly)
    ask_operators = of_operators or (isinstance(error, TenancyClosed) and standing.is_manager)
    names = [str(person) for person in managers_of(standing.tenancy) if person != standing.person]
    return error_page(
        request, s3.status, "The store refused that", text, code=s3.code, ask=names, ask_operators=ask_operators
    )
