"""The outbox: each mail is a file in HOME/outbox, durable before the page that caused it answers.

With a mail server, the portal's worker hands them over and removes them; without one they wait for the operator.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage as ReadMessage
from pathlib import Path
from typing import NamedTuple

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from holdfast.portal.house import house


class Outbox(BaseEmailBackend):
    """Django's way to the outbox."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Put messages into the outbox, and return their number. Durable when this returns."""
        directory = house().home.outbox
        for message in email_messages:
            put(directory, message.message().as_bytes())
        return len(email_messages)


class Mail(NamedTuple):
    """One mail that waits."""

    mail_id: str
    path: Path
    to: str
    subject: str
    date: str


def put(directory: Path, content: bytes) -> str:
    """Write one message durably into the outbox and return its id: the time in µs and some random digits."""
    mail_id = f"{time.time_ns() // 1000}-{secrets.token_hex(4)}"
    _write(directory, mail_id, f"{mail_id}.eml", content)
    return mail_id


def pretend(directory: Path, content: bytes) -> None:
    """Do all that `put` does, and leave nothing: who waits for the answer can't tell whether there was a mail."""
    mail_id = f"{time.time_ns() // 1000}-{secrets.token_hex(4)}"
    _write(directory, mail_id, f".{mail_id}.none", content)
    (directory / f".{mail_id}.none").unlink(missing_ok=True)


def _write(directory: Path, mail_id: str, name: str, content: bytes) -> None:
    directory.mkdir(mode=0o700, exist_ok=True)
    temporary = directory / f".{mail_id}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(directory / name)
    entry = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


def waiting_ids(directory: Path) -> Sequence[str]:
    """Return the ids of what waits, the oldest first. Reads none of it: without a mail server there is ever more."""
    return sorted(path.stem for path in directory.glob("*.eml"))


def find(directory: Path, mail_id: str) -> Mail | None:
    """Read the head of one mail; None for what is removed meanwhile."""
    path = directory / f"{mail_id}.eml"
    try:
        message = read(path)
    except FileNotFoundError:
        return None
    return Mail(mail_id, path, str(message["To"]), str(message["Subject"]), str(message["Date"]))


def waiting(directory: Path) -> Iterator[Mail]:
    """Yield what waits, the oldest first. What is removed meanwhile is left out."""
    for mail_id in waiting_ids(directory):
        found = find(directory, mail_id)
        if found is not None:
            yield found


def read(path: Path) -> ReadMessage:
    """Read one message. Raises FileNotFoundError."""
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(message, ReadMessage)
    return message
