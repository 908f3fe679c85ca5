"""The slice as Django knows it."""

from django.apps import AppConfig


class JoiningConfig(AppConfig):
    name = "holdfast.portal.joining"
    label = "joining"
