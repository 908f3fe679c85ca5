"""The slice as Django knows it."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "holdfast.portal.notices"
    label = "notices"
