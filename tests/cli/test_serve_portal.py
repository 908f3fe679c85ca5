"""The portal's process, as `serve` starts it: what it opened is closed when it ends."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast import assemble
from holdfast.cli import serve
from holdfast.config import Address, Settings
from holdfast.portal import server


@pytest.fixture
def hangup() -> Iterator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangup")
def test_the_catalog_that_certificates_ask_is_closed_when_the_portal_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home", portal=(Address("127.0.0.1", 0),))
    home = assemble.open_home(settings, create=True)
    serve._prepare_certificates(settings, home)
    opened: list[Any] = []
    open_catalog = assemble.open_catalog
    is_open: list[bool] = []

    def open_and_note(home: assemble.Home) -> Any:
        opened.append(open_catalog(home))
        return opened[-1]

    def run(settings: Settings, board: Any, slot: int, sockets: Any, make_context: Callable[[], Any]) -> None:
        make_context()
        with opened[0].read():
            is_open.append(True)

    monkeypatch.setattr(assemble, "open_catalog", open_and_note)
    monkeypatch.setattr(server, "run", run)
    board: Any = None
    serve._serve_portal(home, settings, board, 0, ())
    assert (len(opened), is_open) == (1, [True])
    with pytest.raises(Exception, match="closed"), opened[0].read():
        pass
