"""Forms about who can see a bucket."""

from __future__ import annotations

from typing import Any

from django import forms

from holdfast.s3.names import KEY_LENGTH_MAX_BYTES
from holdfast.s3.policy import DOCUMENT_BYTES_MAX

from .buckets_forms import preset_choices
from .sharing_presets import BY_NAME, Preset


class ChoosePreset(forms.Form):
    """One of the presets."""

    preset = forms.ChoiceField(label="Who can see this bucket?", widget=forms.RadioSelect)

    def __init__(self, *args: Any, may_publish: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = self.fields["preset"]
        assert isinstance(choices, forms.ChoiceField)
        choices.choices = preset_choices(may_publish)

    @property
    def chosen(self) -> Preset:
        """The preset of a valid form."""
        return BY_NAME[self.cleaned_data["preset"]]


class AskWho(forms.Form):
    """Somebody to ask about, and what they would ask for."""

    who = forms.CharField(
        label="Member",
        required=False,
        max_length=64,
        help_text="Their user name. Empty: the people in the table alone.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    key = forms.CharField(
        label="Object",
        required=False,
        max_length=KEY_LENGTH_MAX_BYTES,
        strip=False,
        help_text="A policy may treat some names differently: the name of an object, or the beginning of names.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class OneMember(forms.Form):
    """What one member may do in a bucket, by a statement of its policy."""

    member = forms.CharField(
        label="One member",
        max_length=64,
        help_text="Their user name. What the policy says of others stays as it is.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    reach = forms.ChoiceField(
        label="They may",
        choices=[("read", "read"), ("write", "read and write"), ("none", "nothing: take back what was given here")],
        initial="read",
    )


class EditPolicy(forms.Form):
    """A policy document. Whether it is one is for the store to say."""

    document = forms.CharField(
        label="Policy (JSON)",
        required=False,
        max_length=DOCUMENT_BYTES_MAX,
        strip=False,
        help_text="AWS's form or the JASMIN portal's. Empty: private.",
        widget=forms.Textarea(
            attrs={"rows": 22, "spellcheck": "false", "autocomplete": "off", "autocapitalize": "none", "class": "mono"}
        ),
    )

    def clean_document(self) -> str:
        # Browsers end lines with CR LF; what other tools put has not got them, and would differ for nothing.
        text: str = self.cleaned_data["document"].replace("\r\n", "\n")
        return text if text.strip() else ""
