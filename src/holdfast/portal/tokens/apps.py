"""The slice as Django knows it."""

from django.apps import AppConfig


class TokensConfig(AppConfig):
    name = "holdfast.portal.tokens"
    label = "tokens"
