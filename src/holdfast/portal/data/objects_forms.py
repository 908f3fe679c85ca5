"""Forms about one object: its tags, its headers and metadata, and a link to share it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from holdfast.s3.codes import S3Error
from holdfast.s3.documents import tagging

_HEADERS: Final = (
    ("content_type", "Content-Type", "What the bytes are, such as application/x-netcdf or text/csv.", True),
    ("content_encoding", "Content-Encoding", "How they are packed, such as gzip; browsers unpack them.", False),
    ("content_disposition", "Content-Disposition", "What a download is called.", False),
    ("content_language", "Content-Language", "", False),
    ("cache_control", "Cache-Control", "How long browsers may keep a copy, such as max-age=3600.", False),
)
_NAME: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,128}", re.ASCII)
METADATA_COUNT_MAX: Final = 100


class TagsForm(forms.Form):
    """Tags by name and value, in as many rows as S3 allows. A row without a name is none."""

    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, tags: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shown = list((tags or {}).items())
        for number in range(tagging.OBJECT_TAG_COUNT_MAX):
            name, value = shown[number] if number < len(shown) else ("", "")
            self.fields[f"name_{number}"] = forms.CharField(
                label=f"Name {number + 1}",
                required=False,
                max_length=tagging.KEY_CHARACTERS_MAX,
                initial=name,
                strip=False,
            )
            self.fields[f"value_{number}"] = forms.CharField(
                label=f"Value {number + 1}",
                required=False,
                max_length=tagging.VALUE_CHARACTERS_MAX,
                initial=value,
                strip=False,
            )

    def rows(self) -> Iterator[tuple[forms.BoundField, forms.BoundField]]:
        """Yield the fields of each row."""
        for number in range(tagging.OBJECT_TAG_COUNT_MAX):
            yield self[f"name_{number}"], self[f"value_{number}"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        pairs = []
        for number in range(tagging.OBJECT_TAG_COUNT_MAX):
            name, value = cleaned.get(f"name_{number}", ""), cleaned.get(f"value_{number}", "")
            if name:
                pairs.append((name, value))
            elif value:
                self.add_error(f"name_{number}", "A value needs a name.")
        try:
            cleaned["tags"] = tagging.check(pairs, tagging.OBJECT_TAG_COUNT_MAX, "Object")
        except S3Error as error:
            where = error.details.get("TagKey", "")
            raise ValidationError(f"{error.message}{f': {where}' if where else ''}.") from None
        return cleaned


class MetadataForm(forms.Form):
    """The headers that are stored with an object, and its metadata, one `name: value` a line."""

    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label, help_text, required in _HEADERS:
            self.fields[name] = forms.CharField(label=label, help_text=help_text, required=required, max_length=500)
        self.fields["metadata"] = forms.CharField(
            label="Metadata",
            help_text="One name: value on each line. S3 keeps names in lower case.",
            required=False,
            max_length=8000,
            widget=forms.Textarea(attrs={"rows": 6}),
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, label, _, _ in _HEADERS:
            if not cleaned.get(name, "").isprintable():
                self.add_error(name, f"{label} is one line.")
        return cleaned

    def clean_metadata(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in self.cleaned_data["metadata"].splitlines():
            if not line.strip():
                continue
            name, colon, value = line.partition(":")
            name, value = name.strip().lower().removeprefix("x-amz-meta-"), value.strip()
            if not colon or not _NAME.fullmatch(name):
                raise ValidationError(f"“{line.strip()[:80]}” is not a name and a value with a colon between.")
            if not value.isprintable():
                raise ValidationError(f"The value of {name} has characters that no header can hold.")
            if name in found:
                raise ValidationError(f"{name} is there twice.")
            found[name] = value
        if len(found) > METADATA_COUNT_MAX:
            raise ValidationError(f"An object has at most {METADATA_COUNT_MAX} metadata here.")
        return found


HOUR_S: Final = 3600
LIVES: Final = ((HOUR_S, "1 hour"), (24 * HOUR_S, "1 day"), (7 * 24 * HOUR_S, "7 days, the longest that S3 knows"))


class LinkForm(forms.Form):
    """How long a link lasts."""

    once = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, life_s_max: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        allowed = [(life_s, text) for life_s, text in LIVES if life_s <= life_s_max] or [
            (life_s_max, f"{life_s_max // 60} minutes, the longest at this site")
        ]
        self.fields["life"] = forms.TypedChoiceField(
            label="How long it works", choices=allowed, coerce=int, initial=allowed[0][0], widget=forms.RadioSelect
        )
