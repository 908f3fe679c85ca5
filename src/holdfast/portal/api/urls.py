"""The management API as Django knows it."""

from __future__ import annotations

from django.urls import path
from ninja import NinjaAPI

from holdfast import __version__
from holdfast.portal.access import Need, page

from . import buckets, errors, members, operators, reference, requests, tenancies, tokens
from .bearer import Bearer

_ABOUT = (
    "Everything that managers and operators do in the portal, for programs, by the same rights. Send a token that was "
    "made without “S3 Secret Key”: `Authorization: Bearer hft_…`. Sizes are bytes, moments are UTC, lists are paged by "
    "`limit` and `after`. PUT and DELETE may be sent again. An error says what to do and has a request id to quote."
)

api = NinjaAPI(
    title="holdfast management API",
    version=__version__,
    description=_ABOUT,
    auth=Bearer(),
    docs_url=None,
    openapi_url=None,
    urls_namespace="api-v1",
)
errors.register(api)
for router in (tenancies.router, members.router, tokens.router, buckets.router, requests.router, operators.router):
    api.add_router("", router)

urlpatterns = [
    path("openapi.json", page(Need.ANYBODY)(reference.openapi(api)), name="openapi"),
    path("", page(Need.ANYBODY)(reference.reference(api)), name="api_reference"),
    path("", api.urls),
]
