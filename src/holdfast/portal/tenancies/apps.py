"""The slice as Django knows it."""

from django.apps import AppConfig


class TenanciesConfig(AppConfig):
    name = "holdfast.portal.tenancies"
    label = "tenancies"
