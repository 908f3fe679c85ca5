"""Choices in forms that take a sentence more than their label."""

from __future__ import annotations


class Choice(str):
    """A choice's label with a second line, for `components/field.html`."""

    hint: str

    def __new__(cls, label: str, hint: str = "") -> Choice:
        made = super().__new__(cls, label)
        made.hint = hint
        return made
