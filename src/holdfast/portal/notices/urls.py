"""URLs of this slice."""

from django.urls import path

from . import views

urlpatterns = [
    path("notices/", views.notices, name="notices"),
    path("notices/read/", views.mark_all_read, name="notices_read"),
    path("notices/<int:number>/read/", views.mark_read, name="notice_read"),
    path("notices/<int:number>/open/", views.open_notice, name="notice_open"),
]
