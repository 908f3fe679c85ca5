"""URLs of this slice."""

from django.urls import path

from . import views

urlpatterns = [
    path("brand.css", views.brand_css, name="brand_css"),
    path("brand/logo", views.logo, name="brand_logo"),
    path("styleguide/", views.styleguide, name="styleguide"),
    path("theme/", views.theme, name="theme"),
    path("accessibility/", views.accessibility, name="accessibility"),
    path("health/", views.health, name="health"),
]
