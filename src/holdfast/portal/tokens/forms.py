"""The forms about tokens. Whose token it is, and of which tenancy, is never a field but an operator's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from django import forms

from holdfast.admin.access_keys import DESCRIPTION_LENGTH_MAX, PREFIXES_MAX
from holdfast.auth.roles import Role
from holdfast.config import Limits
from holdfast.portal.access import Standing

from . import lifetimes
from .making import Wish
from .once import is_form_id, new_form_id

PREFIX_LENGTH_MAX: Final = 1024  # That of a key: S3 user guide, "object keys".
OFFERED_MAX: Final = 100
"""Buckets that are offered by a tick; more of them are typed."""

OVERLAPS: Final = (
    ("0", "The old one stops now"),
    ("3600", "The old one works for 1 hour more"),
    ("86400", "The old one works for 24 hours more"),
    ("604800", "The old one works for 7 days more"),
)


class OnceForm(forms.Form):
    """A form that makes one secret: its id is used up with it."""

    form_id = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"form_id": new_form_id()})

    def clean_form_id(self) -> str:
        form_id: str = self.cleaned_data["form_id"]
        if not is_form_id(form_id):
            raise forms.ValidationError("The form is damaged: load the page again.")
        return form_id


class TokenForm(OnceForm):
    """What every new token needs: what it is for, and when it ends."""

    description = forms.CharField(
        label="Description",
        max_length=DESCRIPTION_LENGTH_MAX,
        help_text="What it is for, such as “laptop” or “nightly job”: you will know it by this.",
    )
    expiration = forms.ChoiceField(label="Expiration date")
    last_day = forms.DateField(
        label="Last day, for another date",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="It works until the end of this day (UTC).",
    )

    def __init__(self, limits: Limits, now_us: int, data: Any = None) -> None:
        super().__init__(data)
        self._limits = limits
        self._now_us = now_us
        expiration = self.fields["expiration"]
        assert isinstance(expiration, forms.ChoiceField)
        expiration.choices = lifetimes.choices(limits)
        self.initial["expiration"] = lifetimes.initial(limits)
        if limits.key_life_days_max:
            expiration.help_text = f"At most {limits.key_life_days_max} days here."

    def clean_description(self) -> str:
        text: str = self.cleaned_data["description"]
        if not text.isprintable():
            raise forms.ValidationError("Use one line of text.")
        return text

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("expiration") == lifetimes.CUSTOM and "last_day" in cleaned:
            fault = lifetimes.fault_of(cleaned["last_day"], self._limits, self._now_us)
            if fault:
                self.add_error("last_day", fault)
        return cleaned

    @property
    def end(self) -> int | Literal["never"]:
        """The end that was chosen, in µs of the Unix epoch."""
        given = self.cleaned_data
        return lifetimes.end_us(given["expiration"], given["last_day"], self._now_us)


class SiteTokenForm(TokenForm):
    """A new token of the whole site, for an operator."""

    read_only = forms.BooleanField(
        label="Read-only", required=False, initial=True, help_text="It may list and read, and never changes anything."
    )

    def wish(self) -> Wish:
        """Return what a valid form asks for."""
        given = self.cleaned_data
        return Wish(given["description"], self.end, s3=False, read_only=given["read_only"])


class AddForm(TokenForm):
    """A new token for oneself; or one that an operator suggests to a member."""

    field_order = ("owner", "description", "expiration", "last_day", "s3")

    owner = forms.CharField(
        label="Owner",
        max_length=64,
        help_text="The user name of a member. They are mailed this form, filled in; only they see the secret.",
    )
    s3 = forms.BooleanField(
        label="S3 Secret Key",
        required=False,
        initial=True,
        help_text="Ticked: a pair for S3 clients; it can't call the management API. Not ticked: a token of the "
        "management API (/api/v1), which does there what your role may; it can’t read or write objects.",
    )
    read_only = forms.BooleanField(
        label="Read-only",
        required=False,
        help_text="It may list and read, and never writes, changes or deletes.",
    )
    buckets = forms.MultipleChoiceField(
        label="Buckets",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: every bucket that your role reaches.",
    )
    more_buckets = forms.CharField(
        label="Other buckets",
        required=False,
        max_length=PREFIXES_MAX * 64,
        help_text="Names with spaces between, also of buckets that are not there yet.",
    )
    prefixes = forms.CharField(
        label="Prefixes",
        required=False,
        strip=False,
        max_length=PREFIXES_MAX * 200,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One on each line, such as cmip6/ or run1/out: it reaches only keys that begin so, and no bucket’s "
        "settings.",
    )

    def __init__(
        self, standing: Standing, limits: Limits, now_us: int, buckets: Sequence[str], data: Any = None
    ) -> None:
        super().__init__(limits, now_us, data)
        self.is_filled = False
        """Whether a link filled it in."""
        self._standing = standing
        self._seen = buckets
        if not standing.is_operator:
            del self.fields["owner"]
        offered = self.fields["buckets"]
        assert isinstance(offered, forms.MultipleChoiceField)
        offered.choices = [(name, name) for name in buckets[:OFFERED_MAX]]
        if not buckets:
            del self.fields["buckets"]
        if standing.role is Role.GUEST and len(buckets) <= OFFERED_MAX:
            del self.fields["more_buckets"]

    def fill(self, said: Mapping[str, Any]) -> None:
        """Begin with what a link says (`suggesting.suggested`), as far as this person's form has it."""
        if said["description"]:
            self.initial["description"] = said["description"]
            self.is_filled = True
        if said["never"] and not self._limits.key_life_days_max:
            self.initial["expiration"] = lifetimes.NEVER
        elif said["last_day"] and not lifetimes.fault_of(said["last_day"], self._limits, self._now_us):
            self.initial.update(expiration=lifetimes.CUSTOM, last_day=said["last_day"])
        self.initial.update(s3=not said["api"], read_only=said["read_only"])
        offered = [name for name in said["buckets"] if name in self._seen[:OFFERED_MAX]]
        self.initial.update(buckets=offered, prefixes="\n".join(said["prefixes"][:PREFIXES_MAX]))
        self.initial["more_buckets"] = " ".join(name for name in said["buckets"] if name not in offered)

    @property
    def narrowing(self) -> list[forms.BoundField]:
        """The fields that narrow a pair; the page folds them away while they are empty."""
        return [self[name] for name in ("read_only", "buckets", "more_buckets", "prefixes") if name in self.fields]

    @property
    def is_narrowed(self) -> bool:
        """Whether one of those has something in it."""
        return any(bound.value() for bound in self.narrowing)

    def clean_more_buckets(self) -> list[str]:
        names = str(self.cleaned_data["more_buckets"]).replace(",", " ").split()
        if self._standing.role is Role.GUEST and not set(names) <= set(self._seen):
            raise forms.ValidationError("As a GUEST you can name only buckets that are named for you.")
        return names

    def clean_prefixes(self) -> list[str]:
        lines = [line for line in str(self.cleaned_data["prefixes"]).splitlines() if line]
        if len(lines) > PREFIXES_MAX:
            raise forms.ValidationError(f"A token has at most {PREFIXES_MAX} prefixes.")
        if any(len(line.encode()) > PREFIX_LENGTH_MAX for line in lines):
            raise forms.ValidationError(f"A prefix has at most {PREFIX_LENGTH_MAX} bytes.")
        return lines

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if len(self.all_buckets) > PREFIXES_MAX:
            self.add_error("more_buckets" if "more_buckets" in self.fields else "buckets", f"At most {PREFIXES_MAX}.")
        if not cleaned.get("s3") and (self.all_buckets or cleaned.get("prefixes")):
            self.add_error(
                "s3", "Buckets and prefixes narrow an S3 pair only: tick “S3 Secret Key”, or leave them empty."
            )
        return cleaned

    def wish(self) -> Wish:
        """Return what a valid form asks for."""
        given = self.cleaned_data
        return Wish(
            description=given["description"],
            end=self.end,
            s3=given["s3"],
            read_only=given["read_only"],
            buckets=self.all_buckets,
            prefixes=given["prefixes"],
            owner=given.get("owner", ""),
        )

    @property
    def all_buckets(self) -> list[str]:
        """The buckets that were named, each once."""
        named = [*self.cleaned_data.get("buckets", ()), *self.cleaned_data.get("more_buckets", ())]
        return sorted(set(named))


class RotateForm(OnceForm):
    """A new secret in the place of an old one."""

    overlap = forms.ChoiceField(label="The old one", choices=OVERLAPS, initial="0")

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)

    @property
    def overlap_us(self) -> int:
        return int(self.cleaned_data["overlap"]) * 1_000_000


class RevokeForm(forms.Form):
    """Whether what a token made ends with it."""

    made = forms.BooleanField(label="Revoke what it made, too", required=False, initial=True)

    def __init__(self, count: int) -> None:
        super().__init__()
        self.fields["made"].help_text = f"By this token, {count} were made that work."
