"""Forms about quotas. Each names its fields; nothing else of a POST is read."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from holdfast.portal.sizes import SizeField

from .asking_forms import check_end, date_field
from .models import TEXT_LENGTH

OBJECTS_MAX = 10**15


class AskForQuota(forms.Form):
    """A request for another quota, or a later end."""

    limit_bytes = SizeField(
        label="New quota", required=True, help_text="The new total, not what is added: 20TB, say, in the place of 10TB."
    )
    ends_on = date_field(
        "Needed until", "Only where the tenancy is needed longer than it was granted for.", required=False
    )
    reason = forms.CharField(
        label="Reason",
        max_length=TEXT_LENGTH,
        help_text="What it is needed for, and what was tried first: operators decide by it.",
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def clean_limit_bytes(self) -> int:
        limit_bytes: int = self.cleaned_data["limit_bytes"]
        if limit_bytes <= 0:
            raise ValidationError("Ask for some room. To give the tenancy up, close it.")
        return limit_bytes

    def clean_ends_on(self) -> date | None:
        ends_on = self.cleaned_data["ends_on"]
        return check_end(ends_on) if ends_on is not None else None


class ReviewQuota(forms.Form):
    """An operator's decision about a quota."""

    decision = forms.ChoiceField(
        label="Decision",
        choices=[("approve", "Approve: the quota holds at once"), ("reject", "Reject: say why below")],
        widget=forms.RadioSelect,
    )
    limit_bytes = SizeField(label="Quota", required=True, help_text="As it was asked for, unless you change it.")
    ends_on = date_field("Until", "Empty: the end of the tenancy stays as it is.", required=False)
    promises_more = forms.BooleanField(
        label="Promise more than there is",
        required=False,
        help_text="Only needed where the promises of all tenancies would be more than the site can hold.",
    )
    answer = forms.CharField(
        label="Reason",
        required=False,
        max_length=TEXT_LENGTH,
        help_text="The managers read it. Needed to reject.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean_ends_on(self) -> date | None:
        ends_on = self.cleaned_data["ends_on"]
        return check_end(ends_on) if ends_on is not None else None

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if said.get("decision") == "reject":
            for name in ("limit_bytes", "ends_on"):
                self.errors.pop(name, None)
            if not said.get("answer"):
                self.add_error("answer", "Say why: the managers read it.")
        return said


class BucketCap(forms.Form):
    """The limits of one bucket, beside the tenancy's."""

    limit_bytes = SizeField(label="Most bytes", help_text="Such as 500GiB. Empty: no limit but the tenancy's.")
    limit_objects = forms.IntegerField(
        label="Most objects",
        required=False,
        min_value=0,
        max_value=OBJECTS_MAX,
        help_text="Empty: no limit but the tenancy's.",
    )
