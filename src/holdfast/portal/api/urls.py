"""The management API as Django knows it."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt
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


def _routes() -> list[URLPattern]:
    """Return ninja's routes, each of which refuses other methods in the shape of all errors."""
    # Its own root lies behind the page for people.
    patterns = [each for each in api.urls[0] if isinstance(each, URLPattern) and each.name != "api-root"]
    for pattern in patterns:
        assert pattern.callback is not None
        pattern.callback = errors.refusing_methods(pattern.callback)
    return patterns


urlpatterns = [
    path("openapi.json", page(Need.ANYBODY)(reference.openapi(api)), name="openapi"),
    path("", page(Need.ANYBODY)(reference.reference(api)), name="api_reference"),
    path("", (_routes(), *api.urls[1:])),
    re_path("", page(Need.ANYBODY)(csrf_exempt(errors.nothing_there)), name="api_nothing"),
]
