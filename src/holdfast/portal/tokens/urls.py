"""URLs of this slice."""

from django.urls import path

from . import views

urlpatterns = [
    path("ca.pem", views.authority, name="authority"),
    path("tenancies/<str:tenancy>/tokens/", views.tokens, name="tokens"),
    path("tenancies/<str:tenancy>/tokens/add/", views.add, name="token_add"),
    path("tenancies/<str:tenancy>/tokens/revoke-mine/", views.revoke_mine, name="tokens_revoke_mine"),
    path("tenancies/<str:tenancy>/tokens/<str:token>/revoke/", views.revoke, name="token_revoke"),
    path("tenancies/<str:tenancy>/tokens/<str:token>/rotate/", views.rotate, name="token_rotate"),
]
