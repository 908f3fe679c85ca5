"""The form of a transfer. It names its fields; nothing else of a POST is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django import forms

from holdfast.config import show_size
from holdfast.portal.choices import Choice

OWNERS_LISTED_MAX: Final = 200
"""Up to so many members are chosen from a list; of more the name is typed."""


class TransferForm(forms.Form):
    """Which buckets, and whose they are to be. `mark` is of the plan that was seen."""

    buckets = forms.MultipleChoiceField(
        label="Buckets",
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": "Choose at least one bucket.",
            "invalid_choice": "%(value)s is not theirs any more.",
        },
    )
    new_owner = forms.CharField(
        label="New owner",
        max_length=64,
        help_text="The user name of a member of this tenancy: USER, DEPUTY or MANAGER.",
    )
    mark = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, sizes: Sequence[tuple[str, int, int]], owners: Sequence[str], *args: Any, **kwargs: Any) -> None:
        """`sizes` are name, bytes and objects of each bucket to choose from; `owners` those who may own them."""
        super().__init__(*args, **kwargs)
        field = self.fields["buckets"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [
            (name, Choice(name, f"{show_size(size_bytes)}, {objects:,} objects")) for name, size_bytes, objects in sizes
        ]
        # Who has left since the page was shown is refused by the plan, which says why.
        self.fields["new_owner"].widget = (
            forms.Select(choices=[("", "Choose a member"), *((name, name) for name in owners)])
            if len(owners) <= OWNERS_LISTED_MAX
            else forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})
        )
        field.initial = [name for name, _, _ in sizes]

    def clean_new_owner(self) -> str:
        return str(self.cleaned_data["new_owner"]).strip().lower()
