"""The slice as Django knows it."""

from django.apps import AppConfig


class DataConfig(AppConfig):
    name = "holdfast.portal.data"
    label = "data"

    def ready(self) -> None:
        from .credentials import watch_log_ins

        watch_log_ins()
