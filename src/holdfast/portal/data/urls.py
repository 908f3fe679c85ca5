"""URLs of this slice."""

from django.urls import URLPattern, URLResolver, include, path

from . import buckets_settings, buckets_views, listing_views, sharing_views

_BUCKET = "tenancies/<str:tenancy>/buckets/<str:bucket>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("holdfast.portal.data.object_urls")),
    path("tenancies/<str:tenancy>/buckets/", buckets_views.buckets, name="buckets"),
    path("tenancies/<str:tenancy>/new-bucket/", buckets_views.create, name="create_bucket"),
    path("tenancies/<str:tenancy>/new-bucket/check/", buckets_views.check_name, name="check_bucket_name"),
    path(_BUCKET, listing_views.listing, name="bucket"),
    path(f"{_BUCKET}delete/", listing_views.delete_selected, name="delete_selected"),
    path(f"{_BUCKET}sharing/", sharing_views.sharing, name="sharing"),
    path(f"{_BUCKET}sharing/change/", sharing_views.change, name="change_sharing"),
    path(f"{_BUCKET}sharing/member/", sharing_views.share_with_member, name="share_with_member"),
    path(f"{_BUCKET}sharing/policy/", sharing_views.edit_policy, name="edit_policy"),
    path(f"{_BUCKET}settings/", buckets_settings.settings, name="bucket_settings"),
    path(f"{_BUCKET}settings/cors/", buckets_settings.set_cors, name="set_cors"),
    path(f"{_BUCKET}settings/delete/", buckets_settings.delete, name="delete_bucket"),
]
