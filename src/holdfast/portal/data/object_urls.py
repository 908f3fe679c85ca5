"""URLs of objects, uploads, links and deletions."""

from django.urls import path

from . import deletions_views, objects_links, objects_views, uploads_views

_BUCKET = "tenancies/<str:tenancy>/buckets/<str:bucket>/"

urlpatterns = [
    path(f"{_BUCKET}upload/", uploads_views.upload, name="upload"),
    path(f"{_BUCKET}upload/check/", uploads_views.check_names, name="upload_check"),
    path(f"{_BUCKET}upload/abort/", uploads_views.abort, name="upload_abort"),
    path(f"{_BUCKET}sign/", uploads_views.sign, name="sign"),
    path(f"{_BUCKET}object/", objects_views.show_object, name="object"),
    path(f"{_BUCKET}object/download/", objects_views.download, name="object_download"),
    path(f"{_BUCKET}object/tags/", objects_views.edit_tags, name="object_tags"),
    path(f"{_BUCKET}object/metadata/", objects_views.edit_metadata, name="object_metadata"),
    path(f"{_BUCKET}object/delete/", objects_views.delete, name="object_delete"),
    path(f"{_BUCKET}object/share/", objects_links.share, name="object_share"),
    path(f"{_BUCKET}delete-prefix/", deletions_views.delete_prefix, name="delete_prefix"),
    path("tenancies/<str:tenancy>/links/", objects_links.links, name="links"),
    path("tenancies/<str:tenancy>/links/<str:link_id>/revoke/", objects_links.revoke, name="link_revoke"),
    path("tenancies/<str:tenancy>/deletions/", deletions_views.deletions, name="deletions"),
    path("tenancies/<str:tenancy>/deletions/<int:deletion_id>/", deletions_views.show_deletion, name="deletion"),
    path(
        "tenancies/<str:tenancy>/deletions/<int:deletion_id>/state/",
        deletions_views.deletion_state,
        name="deletion_state",
    ),
    path(
        "tenancies/<str:tenancy>/deletions/<int:deletion_id>/cancel/",
        deletions_views.cancel_deletion,
        name="deletion_cancel",
    ),
]
