"""`holdfast mail`: the mail that waits in the outbox, for sites without a mail server and for what one refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .desk import Desk, Refusal, desk_command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import EmailMessage
    from pathlib import Path

_ID = re.compile(r"\d{1,20}-[0-9a-f]{8}", re.ASCII)
_STATES = {".eml": "waiting", ".refused": "refused"}


class _Mail(NamedTuple):
    """One mail in the outbox."""

    mail_id: str
    path: Path
    message: EmailMessage

    @property
    def state(self) -> str:
        """`waiting`, or `refused` by the mail server for good."""
        return _STATES[self.path.suffix]

    def document(self) -> dict[str, Any]:
        heads = {name.lower(): str(self.message[name] or "") for name in ("To", "Subject", "Date")}
        return {"id": self.mail_id, "state": self.state, **heads}


@click.group(name="mail")
def command() -> None:
    """Read the mail that waits to be sent."""


@desk_command("holdfast mail list", group=command, name="list")
def list_(desk: Desk) -> None:
    """List the mail that waits, the oldest first. Without a mail server it waits until it is removed."""
    found = _waiting(desk)
    table = [(each.mail_id, each.state, str(each.message["To"]), str(each.message["Subject"])) for each in found]
    desk.table([each.document() for each in found], ("ID", "STATE", "TO", "SUBJECT"), table)


@desk_command("holdfast mail show 1795771626000000-5f2a91c0", group=command, name="show")
@click.argument("mail_id", metavar="ID")
def show(desk: Desk, mail_id: str) -> None:
    """Show one mail whole. Links in it may stand in for a password: give them to nobody but whom they are for."""
    mail = _get(desk, mail_id)
    body = mail.message.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    shown = ("From", "To", "Reply-To", "Subject", "Date")
    heads = [f"{name}: {mail.message[name]}" for name in shown if mail.message[name]]
    desk.answer({**mail.document(), "text": text}, [*heads, "", text.rstrip("\n")])


@desk_command("holdfast mail remove 1795771626000000-5f2a91c0", group=command, name="remove")
@click.argument("mail_id", metavar="ID")
def remove(desk: Desk, mail_id: str) -> None:
    """Remove one mail for good, when it was passed on by hand or nobody needs it any more."""
    mail = _get(desk, mail_id)
    mail.path.unlink(missing_ok=True)
    desk.answer({"id": mail_id, "state": "removed"}, [f"mail {mail_id} is removed"])


def _waiting(desk: Desk) -> Sequence[_Mail]:
    outbox = desk.home(desk.settings()).outbox
    paths = sorted(path for path in outbox.glob("*") if path.suffix in _STATES) if outbox.is_dir() else []
    return [mail for path in paths if (mail := _read(path)) is not None]


def _get(desk: Desk, mail_id: str) -> _Mail:
    outbox = desk.home(desk.settings()).outbox
    if _ID.fullmatch(mail_id):
        for suffix in _STATES:
            mail = _read(outbox / f"{mail_id}{suffix}")
            if mail is not None:
                return mail
    raise Refusal(f"there is no mail `{mail_id}` in {desk.root}: holdfast mail list shows what waits")


def _read(path: Path) -> _Mail | None:
    from holdfast.portal.notices.outbox import read

    try:
        return _Mail(path.stem, path, read(path))
    except FileNotFoundError:
        return None  # It was sent meanwhile.
