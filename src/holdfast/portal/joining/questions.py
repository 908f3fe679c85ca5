"""What a tenancy asks of applicants, and what they answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

from django import forms

QUESTIONS_MAX: Final = 20
OPTIONS_MAX: Final = 50
LABEL_LENGTH_MAX: Final = 200
HELP_LENGTH_MAX: Final = 500
TEXT_LENGTH_MAX: Final = 300
PARAGRAPH_LENGTH_MAX: Final = 4000


class Kind(StrEnum):
    """What an answer is. The value is kept; `KIND_LABELS` is what people read."""

    TEXT = "text"
    PARAGRAPH = "paragraph"
    CHOICE = "choice"
    CHOICES = "choices"
    YES = "yes"
    DATE = "date"
    NUMBER = "number"


KIND_LABELS: Final[Mapping[Kind, str]] = {
    Kind.TEXT: "A line of text",
    Kind.PARAGRAPH: "Text of several lines",
    Kind.CHOICE: "One of several options",
    Kind.CHOICES: "Any of several options",
    Kind.YES: "A box to tick",
    Kind.DATE: "A date",
    Kind.NUMBER: "A number",
}


class Question(NamedTuple):
    """One question. `question_id` stays when the words change, so that earlier answers are found again."""

    question_id: str
    label: str
    kind: Kind = Kind.TEXT
    help: str = ""
    options: tuple[str, ...] = ()
    required: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return what `TenancyPage.questions` keeps."""
        return {
            "id": self.question_id,
            "label": self.label,
            "kind": self.kind.value,
            "help": self.help,
            "options": list(self.options),
            "required": self.required,
        }

    @property
    def field_name(self) -> str:
        return f"answer_{self.question_id}"


PURPOSE: Final = Question(
    "purpose",
    "What do you want to use it for?",
    Kind.PARAGRAPH,
    "Your project, and whom you work with there. The managers of the tenancy read this.",
)
"""What a tenancy with no questions of its own asks; and every one that the applicant is not to know of."""


def read_questions(stored: Iterable[Mapping[str, Any]]) -> tuple[Question, ...]:
    """Return the questions that `TenancyPage.questions` keeps, or the usual one where there are none."""
    questions = tuple(
        Question(
            each["id"], each["label"], Kind(each["kind"]), each["help"], tuple(each["options"]), bool(each["required"])
        )
        for each in stored
    )
    return questions or (PURPOSE,)


class Answer(NamedTuple):
    """What was answered to a question, with the question as it was then."""

    question_id: str
    label: str
    kind: Kind
    value: Any
    """Text, a list of texts, a bool, or None."""

    @property
    def text(self) -> str:
        """The answer as people read it."""
        if self.kind is Kind.YES:
            return "yes" if self.value else "no"
        if isinstance(self.value, list):
            return ", ".join(self.value)
        return str(self.value or "")


def read_answers(stored: Iterable[Mapping[str, Any]]) -> tuple[Answer, ...]:
    """Return the answers that `AccessRequest.answers` keeps."""
    return tuple(Answer(each["id"], each["label"], Kind(each["kind"]), each["value"]) for each in stored)


def answers_text(stored: Iterable[Mapping[str, Any]]) -> str:
    """Return the answers as plain paragraphs, for mail."""
    return "\n\n".join(f"{answer.label}\n{answer.text or '(no answer)'}" for answer in read_answers(stored))


def answer_fields(questions: Iterable[Question]) -> dict[str, forms.Field]:
    """Return a form's field for each question, by its name."""
    return {question.field_name: _field(question) for question in questions}


def initial_answers(questions: Iterable[Question], stored: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return earlier answers as a form's initial values, where they still fit the question."""
    earlier = {answer.question_id: answer for answer in read_answers(stored)}
    initial = {}
    for question in questions:
        answer = earlier.get(question.question_id)
        if answer is not None and answer.kind is question.kind:
            initial[question.field_name] = answer.value
    return initial


def collect_answers(questions: Iterable[Question], cleaned: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what `AccessRequest.answers` keeps, from a form that is valid."""
    return [
        {
            "id": question.question_id,
            "label": question.label,
            "kind": question.kind.value,
            "value": _to_json(cleaned.get(question.field_name)),
        }
        for question in questions
    ]


def _to_json(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value


def _field(question: Question) -> forms.Field:
    common: dict[str, Any] = {"label": question.label, "required": question.required}
    common["help_text"] = question.help
    choices = [(option, option) for option in question.options]
    match question.kind:
        case Kind.TEXT:
            return forms.CharField(max_length=TEXT_LENGTH_MAX, **common)
        case Kind.PARAGRAPH:
            return forms.CharField(max_length=PARAGRAPH_LENGTH_MAX, widget=forms.Textarea(attrs={"rows": 4}), **common)
        case Kind.CHOICE:
            blank = [] if question.required else [("", "No answer")]
            return forms.ChoiceField(choices=[*blank, *choices], widget=forms.RadioSelect, **common)
        case Kind.CHOICES:
            return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple, **common)
        case Kind.YES:
            return forms.BooleanField(**common)
        case Kind.DATE:
            return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **common)
        case Kind.NUMBER:
            return forms.DecimalField(max_digits=18, decimal_places=6, **common)
