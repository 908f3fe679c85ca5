"""Handing mail over: no mail that the server does not want keeps the others."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from holdfast.portal.house import use_house


class _Answers(socketserver.StreamRequestHandler):
    """Speaks as much SMTP as a client needs; what it answers to RCPT stands in the address: `451.x@example.org`."""

    def handle(self) -> None:
        self._say("220 here")
        for line in self.rfile:
            words = line.decode().strip()
            verb = words[:4].upper()
            if verb == "RCPT":
                code = words.partition("<")[2][:3]
                self._say(f"{code} so be it" if code.isdigit() else "250 yes")
            elif verb == "DATA":
                self._say("354 go on")
                for each in self.rfile:
                    if each == b".\r\n":
                        break
                self.server.taken.append(words)  # type: ignore[attr-defined]
                self._say("250 taken")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 yes")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def server(town: Any) -> Iterator[Any]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Answers) as server:
        server.daemon_threads = True
        server.taken = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = town.house.settings
        site = replace(settings.site, mail_server=f"smtp://127.0.0.1:{server.server_address[1]}")
        town.house = replace(town.house, settings=replace(settings, site=site))
        use_house(town.house)
        yield server
        server.shutdown()


def write(town: Any, *addresses: str) -> None:
    from holdfast.portal.notices.outbox import put

    for address in addresses:
        put(town.house.home.outbox, f"To: {address}\r\nSubject: s\r\n\r\ntext\r\n".encode())


def left(town: Any) -> list[str]:
    return [str(mail["To"]) for mail in town.mails()]


def refused(town: Any) -> int:
    return len(list(town.house.home.outbox.glob("*.refused")))


def test_what_is_taken_is_gone_and_what_is_refused_for_good_is_put_aside(town: Any, server: Any) -> None:
    from holdfast.portal.notices.delivery import deliver

    write(town, "ann@example.org", "550.ben@example.org", "cat@example.org")
    assert deliver() == 2
    assert left(town) == []
    assert refused(town) == 1
    assert len(server.taken) == 2


def test_a_mail_for_an_address_that_the_server_can_t_be_given_keeps_no_other(town: Any, server: Any) -> None:
    from holdfast.portal.notices.delivery import deliver

    write(town, "bücher@example.org", "ann@example.org")
    assert deliver() == 1
    assert left(town) == []
    assert refused(town) == 1


def test_however_many_mails_are_not_taken_now_others_are(
    town: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from holdfast.portal.notices import delivery

    monkeypatch.setattr(delivery, "BATCH_MAX", 2)
    write(town, "451.a@example.org", "451.b@example.org", "451.c@example.org", "ann@example.org")
    assert delivery.deliver() == 1
    assert left(town) == ["451.a@example.org", "451.b@example.org", "451.c@example.org"]
    assert refused(town) == 0
