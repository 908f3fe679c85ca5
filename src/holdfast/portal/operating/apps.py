"""The slice as Django knows it."""

from django.apps import AppConfig


class OperatingConfig(AppConfig):
    name = "holdfast.portal.operating"
    label = "operating"
