"""URLs of this slice."""

from django.urls import URLPattern, URLResolver, include, path

from . import listing_views

_BUCKET = "tenancies/<str:tenancy>/buckets/<str:bucket>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("holdfast.portal.data.object_urls")),
    path(_BUCKET, listing_views.listing, name="bucket"),
    path(f"{_BUCKET}delete/", listing_views.delete_selected, name="delete_selected"),
]
