"""Debian's Firefox for Playwright: runs it, and stands between the two where the browser is older than Playwright.

Playwright speaks WebDriver BiDi with Firefox, and takes every command for granted. The release that Debian has does not
know some of those that emulate (a colour scheme, say), which no test asks of Firefox: they are answered with nothing.
Playwright starts this in the place of the browser, with the browser's arguments.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import Any, Final

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web

FIREFOX: Final = "/usr/bin/firefox-esr"
_LISTENING: Final = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


def soften(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a command, or an empty success where the browser doesn't know one that emulates."""
    unknown = answer.get("type") == "error" and answer.get("error") == "unknown command"
    if unknown and str(answer.get("message", "")).startswith("emulation."):
        return {"type": "success", "id": answer["id"], "result": {}}
    return answer


async def main(arguments: list[str]) -> int:
    """Run Firefox until it ends, and return its exit code."""
    process = await asyncio.create_subprocess_exec(FIREFOX, *arguments, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    async for line in process.stderr:
        found = _LISTENING.search(line.decode(errors="replace"))
        if found is not None:
            runner = await _listen(found[1])
            print(f"WebDriver BiDi listening on {runner}", file=sys.stderr, flush=True)
        else:
            sys.stderr.buffer.write(line)
    return await process.wait()


async def _listen(browser: str) -> str:
    """Listen on a free port of loopback, and return the address."""

    async def meet(request: web.Request) -> web.WebSocketResponse:
        ours = web.WebSocketResponse(max_msg_size=0)
        await ours.prepare(request)
        async with ClientSession() as session:
            async with session.ws_connect(browser + request.path, max_msg_size=0) as theirs:
                await asyncio.wait(
                    [asyncio.ensure_future(_ask(ours, theirs)), asyncio.ensure_future(_answer(theirs, ours))],
                    return_when=asyncio.FIRST_COMPLETED,
                )
        return ours

    application = web.Application()
    application.router.add_get("/session", meet)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return f"ws://{host}:{port}"


async def _ask(ours: web.WebSocketResponse, theirs: ClientWebSocketResponse) -> None:
    async for message in ours:
        if message.type is WSMsgType.TEXT:
            await theirs.send_str(message.data)


async def _answer(theirs: ClientWebSocketResponse, ours: web.WebSocketResponse) -> None:
    async for message in theirs:
        if message.type is WSMsgType.TEXT:
            await ours.send_str(json.dumps(soften(json.loads(message.data))))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
