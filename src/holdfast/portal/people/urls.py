"""Pages about oneself."""

from django.urls import path

from . import views

urlpatterns = [
    path("login-link/<str:secret>/", views.login_by_link, name="login_link"),
]
