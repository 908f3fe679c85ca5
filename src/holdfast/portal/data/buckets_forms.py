"""Forms about buckets."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from holdfast.portal.choices import Choice
from holdfast.s3 import names

from .sharing_presets import BY_NAME, PRESETS, Preset


def preset_choices(may_publish: bool) -> list[tuple[str, Choice]]:
    """Return the presets that one may choose from."""
    return [
        (preset.name, Choice(preset.label, preset.hint)) for preset in PRESETS if may_publish or not preset.is_public
    ]


class CreateBucket(forms.Form):
    """A new bucket: its name, who can see it, and whether web pages may read it."""

    name = forms.CharField(
        label="Name",
        max_length=names.NAME_LENGTH_MAX,
        help_text="3 to 63 lower-case letters, digits, hyphens and dots. It can't be changed later.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    preset = forms.ChoiceField(label="Who can see it?", widget=forms.RadioSelect)
    web_pages = forms.BooleanField(
        label="Let web pages read this bucket",
        required=False,
        help_text="For viewers of data in a browser (CORS). Nobody sees more by it than the choice above lets them.",
    )

    def __init__(self, *args: Any, may_publish: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = self.fields["preset"]
        assert isinstance(choices, forms.ChoiceField)
        choices.choices = preset_choices(may_publish)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        fault = names.find_bucket_name_fault(name)
        if fault is not None:
            raise ValidationError(fault)
        return name

    @property
    def chosen(self) -> Preset:
        """The preset of a valid form."""
        return BY_NAME[self.cleaned_data["preset"]]


class DeleteBucket(forms.Form):
    """The name of the bucket that is to go, typed."""

    typed_name = forms.CharField(
        label="Name of the bucket",
        max_length=names.NAME_LENGTH_MAX,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, wanted: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wanted = wanted

    def clean_typed_name(self) -> str:
        name: str = self.cleaned_data["typed_name"]
        if name != self._wanted:
            raise ValidationError("That is not the name of this bucket. Nothing was deleted.")
        return name
