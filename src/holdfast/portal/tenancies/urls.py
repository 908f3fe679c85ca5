"""URLs of this slice."""

from django.urls import include, path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("tenancies/<str:tenancy>/", views.dashboard, name="tenancy"),
    path("", include("holdfast.portal.tenancies.more_urls")),
]
