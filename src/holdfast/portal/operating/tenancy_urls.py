"""What managers see of operators."""

from django.urls import path

from . import glass

urlpatterns = [path("tenancies/<str:tenancy>/break-glass/", glass.history, name="glass_history")]
