"""The slice as Django knows it."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "holdfast.portal.people"
    label = "people"

    def ready(self) -> None:
        """Listen to what happens to accounts."""
        from .events import listen

        listen()
