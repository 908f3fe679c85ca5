"""Every page of the portal. Each slice has its own."""

from __future__ import annotations

from django.urls import include, path

handler400 = "holdfast.portal.errors.bad_request"
handler403 = "holdfast.portal.errors.denied"
handler404 = "holdfast.portal.errors.not_found"
handler429 = "holdfast.portal.errors.too_many"
handler500 = "holdfast.portal.errors.failed"

urlpatterns = [
    path("", include("holdfast.portal.brand.urls")),
    path("", include("holdfast.portal.people.urls")),
    path("", include("holdfast.portal.tenancies.urls")),
    path("", include("holdfast.portal.joining.urls")),
    path("", include("holdfast.portal.tokens.urls")),
    path("", include("holdfast.portal.data.urls")),
    path("", include("holdfast.portal.notices.urls")),
    path("", include("holdfast.portal.operating.tenancy_urls")),
    path("operators/", include("holdfast.portal.operating.urls")),
    path("api/v1/", include("holdfast.portal.api.urls")),
    path("account/", include("holdfast.portal.people.foreign")),
]
