"""The slice as Django knows it."""

from django.apps import AppConfig


class DataConfig(AppConfig):
    name = "holdfast.portal.data"
    label = "data"
