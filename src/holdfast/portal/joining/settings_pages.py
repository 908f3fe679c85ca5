"""A tenancy's settings: its public face, what it asks applicants, and the rules of its buckets."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from holdfast.admin.errors import Taken
from holdfast.admin.tenancies import set_tenancy_rules
from holdfast.auth.roles import Right
from holdfast.catalog.rows import TenancyRow
from holdfast.portal.access import Standing, tenancy_page
from holdfast.portal.choices import Choice
from holdfast.portal.house import house
from holdfast.portal.tenancies.pages import Crumb, render_in, tenancy_path

from .faces import page_of
from .forms import paragraph
from .models import TenancyPage
from .questions import (
    HELP_LENGTH_MAX,
    KIND_LABELS,
    LABEL_LENGTH_MAX,
    OPTIONS_MAX,
    QUESTIONS_MAX,
    TEXT_LENGTH_MAX,
    Kind,
    Question,
)

DESCRIPTION_LENGTH_MAX: Final = 10_000
APPROVER_MESSAGE_LENGTH_MAX: Final = 2_000
BLANK_QUESTIONS: Final = 2
_ID: Final = re.compile(r"[0-9a-f]{8}", re.ASCII)

NEW_BUCKETS: Final = (
    ("private", Choice("Private", "Their owner, and the tenancy's DEPUTYs and MANAGERs.")),
    ("members-read", Choice("Members read", "All members but GUESTs can list and download.")),
    ("members-write", Choice("Members write", "All members but GUESTs can also upload and delete.")),
)


class SettingsForm(forms.Form):
    """What a MANAGER says of their tenancy."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    summary = forms.CharField(
        label="Summary", max_length=160, required=False, help_text="One line, shown in the list of tenancies."
    )
    description = paragraph(
        "Description",
        DESCRIPTION_LENGTH_MAX,
        required=False,
        help_text="What the tenancy is for, and who may join. A blank line begins a paragraph; addresses become links.",
    )
    hidden = forms.BooleanField(
        label="Hide this tenancy",
        required=False,
        help_text="It is left out of the list. Who knows its name can ask to join, and sees nothing more of it.",
    )
    auto_accept = forms.BooleanField(
        label="Accept everybody who asks to be USER",
        required=False,
        help_text="At once, with nobody asked. Anybody with an account on this site can then join.",
    )
    approver_message = paragraph(
        "Note for those who decide",
        APPROVER_MESSAGE_LENGTH_MAX,
        required=False,
        help_text="It stands in each mail about a request. Applicants don't see it.",
    )
    new_buckets = forms.ChoiceField(label="A new bucket begins as", choices=NEW_BUCKETS, widget=forms.RadioSelect)
    users_may_create = forms.BooleanField(label="USERs may create buckets", required=False)
    users_may_publish = forms.BooleanField(
        label="USERs may make their buckets public",
        required=False,
        help_text="For anybody on the internet. DEPUTYs and MANAGERs always may, where the site allows it.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("hidden") and cleaned.get("auto_accept"):
            self.add_error("auto_accept", "A hidden tenancy can't accept everybody: whoever tried would find it.")
        return cleaned


class QuestionForm(forms.Form):
    """One question. An empty one is left out."""

    question_id = forms.CharField(widget=forms.HiddenInput, required=False, max_length=8)
    label = forms.CharField(label="Question", max_length=LABEL_LENGTH_MAX, required=False)
    kind = forms.ChoiceField(
        label="Answer", choices=[(kind.value, label) for kind, label in KIND_LABELS.items()], required=False
    )
    help = forms.CharField(label="Help", max_length=HELP_LENGTH_MAX, required=False)
    options = forms.CharField(
        label="Options",
        max_length=OPTIONS_MAX * 100,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One on each line, for answers to choose.",
    )
    required = forms.BooleanField(label="Has to be answered", required=False)

    def clean_options(self) -> tuple[str, ...]:
        options = tuple(
            dict.fromkeys(line.strip() for line in self.cleaned_data["options"].splitlines() if line.strip())
        )
        if len(options) > OPTIONS_MAX or any(len(option) > TEXT_LENGTH_MAX for option in options):
            raise ValidationError(f"At most {OPTIONS_MAX} options, of at most {TEXT_LENGTH_MAX} characters each.")
        return options

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("label"):
            kind = cleaned.get("kind") or Kind.TEXT.value
            if kind in (Kind.CHOICE, Kind.CHOICES) and len(cleaned.get("options") or ()) < 2:
                self.add_error("options", "Give at least two options.")
            cleaned["kind"] = kind
        return cleaned

    def question(self) -> Question | None:
        """Return the question, or None for one that was left empty."""
        cleaned = self.cleaned_data
        if not cleaned.get("label"):
            return None
        given = cleaned.get("question_id", "")
        return Question(
            given if _ID.fullmatch(given) else secrets.token_hex(4),
            cleaned["label"],
            Kind(cleaned["kind"]),
            cleaned["help"],
            cleaned["options"] if cleaned["kind"] in (Kind.CHOICE, Kind.CHOICES) else (),
            cleaned["required"],
        )


if TYPE_CHECKING:
    _Set = forms.BaseFormSet[QuestionForm]
else:
    _Set = forms.BaseFormSet  # Django's own class takes no parameters when it runs.


class _Questions(_Set):
    def questions(self) -> list[Question]:
        """Return the questions in their order, without those to be deleted. Each has an id of its own.

        A second one of an id that a page was made to send gets another: answers to both would have one name.
        """
        kept = [
            (form.cleaned_data.get("ORDER"), index, form.question())
            for index, form in enumerate(self.forms)
            if not form.cleaned_data.get("DELETE")
        ]
        kept.sort(key=lambda each: (each[0] is None, each[0] or 0, each[1]))
        found: dict[str, Question] = {}
        for _, _, question in kept:
            if question is not None:
                own_id = secrets.token_hex(4) if question.question_id in found else question.question_id
                found[own_id] = question._replace(question_id=own_id)
        return list(found.values())


QuestionSet = forms.formset_factory(
    QuestionForm,
    formset=_Questions,
    extra=BLANK_QUESTIONS,
    max_num=QUESTIONS_MAX,
    absolute_max=QUESTIONS_MAX,
    validate_max=True,
    can_delete=True,
    can_order=True,
)


class Edited(Taken):
    """Somebody else has saved the settings since the form was opened."""

    def __init__(self) -> None:
        super().__init__("somebody else saved these settings since you opened them: load the page again, then edit")


@tenancy_page(Right.GRANT_ROLES)
def settings(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Show and save the settings of a tenancy."""
    about = page_of(standing.tenancy.tenancy_id)
    if request.method == "POST":
        form = SettingsForm(request.POST)
        questions: Any = QuestionSet(request.POST, prefix="questions")
        if form.is_valid() and questions.is_valid():
            try:
                _save(standing, form.cleaned_data, questions.questions())
            except Edited as late:
                messages.error(request, f"{str(late).capitalize()}.")
                return _show(request, standing, form, questions, 409)
            messages.success(request, "The settings were saved.")
            return redirect(tenancy_path(standing.tenancy.name, "settings/"))
        return _show(request, standing, form, questions, 400)
    return _show(request, standing, SettingsForm(initial=_initial(about, standing.tenancy)), _question_set(about))


def _initial(about: TenancyPage, tenancy: TenancyRow) -> dict[str, Any]:
    return {
        "version": about.version,
        "summary": about.summary,
        "description": about.description,
        "hidden": about.hidden,
        "auto_accept": about.auto_accept,
        "approver_message": about.approver_message,
        "new_buckets": tenancy.new_buckets,
        "users_may_create": bool(tenancy.users_may_create),
        "users_may_publish": bool(tenancy.users_may_publish),
    }


def _question_set(about: TenancyPage) -> Any:
    initial = [{**each, "question_id": each["id"], "options": "\n".join(each["options"])} for each in about.questions]
    return QuestionSet(prefix="questions", initial=initial)


def _save(standing: Standing, cleaned: dict[str, Any], questions: list[Question]) -> None:
    """Save both halves. Raises Edited when the public face is not the one that was shown."""
    tenancy = standing.tenancy
    office = house().office(standing.person.principal_id)
    face = {
        "summary": cleaned["summary"],
        "description": cleaned["description"],
        "hidden": cleaned["hidden"],
        "auto_accept": cleaned["auto_accept"],
        "approver_message": cleaned["approver_message"],
        "questions": [question.to_json() for question in questions],
    }
    with transaction.atomic():
        before = page_of(tenancy.tenancy_id)
        if before.version != cleaned["version"]:
            raise Edited
        changed = sorted(name for name, value in face.items() if getattr(before, name) != value)
        TenancyPage(tenancy_id=tenancy.tenancy_id, version=before.version + 1, **face).save()
        if changed:
            office.record("tenancy.page", tenancy.name, tenancy.tenancy_id, {"changed": changed})
        rules = {name: cleaned[name] for name in ("new_buckets", "users_may_create", "users_may_publish")}
        if any(getattr(tenancy, name) != value for name, value in rules.items()):
            set_tenancy_rules(office, tenancy.name, **rules)


def _show(
    request: HttpRequest, standing: Standing, form: SettingsForm, questions: Any, status: int = 200
) -> HttpResponse:
    facts = {
        "form": form,
        "questions": questions,
        "face_fields": [form[name] for name in ("summary", "description", "hidden", "auto_accept", "approver_message")],
        "rule_fields": [form[name] for name in ("new_buckets", "users_may_create", "users_may_publish")],
    }
    return render_in(
        request,
        standing,
        "joining/settings.html",
        facts,
        current="settings/",
        crumbs=[Crumb("Tenancy settings")],
        status=status,
    )
