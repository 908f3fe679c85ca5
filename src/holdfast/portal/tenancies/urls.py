"""URLs of this slice."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("tenancies/<str:tenancy>/", views.dashboard, name="tenancy"),
]
