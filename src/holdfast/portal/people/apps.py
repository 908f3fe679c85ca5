"""The slice as Django knows it."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "holdfast.portal.people"
    label = "people"
