"""Handing the outbox over to the mail server."""

from __future__ import annotations

import smtplib
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from holdfast.config import Site
from holdfast.portal.house import house
from holdfast.telemetry.log import get_log

from .outbox import Mail, read, waiting

TIMEOUT_S: Final = 10
BATCH_MAX: Final = 50
ROUND_S: Final = 20.0
"""How long one round hands over: the worker has other work too."""

_log = get_log("portal")


def deliver() -> int:
    """Hand over what waits, at most 50 messages, and return their number. A message is removed when it was taken.

    One that the server refuses for good, or that it can't be given, is put aside as `ID.refused`; one that it does not
    take now is passed over, and does not keep the others. Where the server can't be reached all wait on.
    """
    opened = house()
    site = opened.settings.site
    mails = waiting(opened.home.outbox)
    if not site.mail_server or next(mails, None) is None:
        return 0
    sent = 0
    until_s = time.monotonic() + ROUND_S
    try:
        with _server(site) as server:
            for mail in waiting(opened.home.outbox):
                if sent >= BATCH_MAX or time.monotonic() >= until_s:
                    break
                sent += _send(server, site, mail)
    except (OSError, smtplib.SMTPException) as error:
        _log.warning("the mail server did not take the mail; it is tried again", fault=str(error))
    return sent


def _send(server: smtplib.SMTP, site: Site, mail: Mail) -> bool:
    """Hand over one message, and say whether it was taken. Raises OSError or SMTPException where none would be."""
    try:
        server.send_message(read(mail.path), from_addr=site.mail_from)
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
        if _is_final(error):
            _put_aside(mail, error)
        return False
    except FileNotFoundError:
        return False  # An operator removed it meanwhile.
    except (smtplib.SMTPNotSupportedError, ValueError) as error:
        # An address that this server has no way to be given, such as one in letters that are not ASCII.
        _put_aside(mail, error)
        return False
    mail.path.unlink(missing_ok=True)
    return True


def _put_aside(mail: Mail, error: Exception) -> None:
    _log.error("a mail was refused for good", mail=mail.mail_id, fault=type(error).__name__)
    mail.path.replace(mail.path.with_suffix(".refused"))


@contextmanager
def _server(site: Site) -> Iterator[smtplib.SMTP]:
    parts = urlsplit(site.mail_server)
    host = parts.hostname or ""
    context = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(host, parts.port or (587 if "starttls" in parts.scheme else 25), timeout=TIMEOUT_S)
    with server:
        if parts.scheme == "smtp+starttls":
            server.starttls(context=context)
        if parts.username and site.mail_password_file is not None:
            server.login(parts.username, site.mail_password_file.read_text(encoding="utf-8").strip())
        yield server


def _is_final(error: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) -> bool:
    """Whether the server says that trying again is of no use (RFC 5321, 4.2.1: 5yz)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return error.smtp_code >= 500
