"""The access log: one line of JSON for each request, written in batches. No secret enters it: signatures and tokens are
cut out.

{"at":"2026-11-23T02:17:50.123Z","id":"…","from":"192.0.2.7","key":"…","tenancy":"my-o","operation":"GetObject","method":"GET",
 "path":"/bucket/key","query":"","status":200,"error":"","in":0,"out":4096,"us":143,"agent":"Boto3/1.43"}
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import Final

BUFFER_BYTES_MAX: Final = 64 * 1024
_TEXT_MAX: Final = 2048  # characters of a path, a query or a user agent that are kept
_SECRETS: Final = re.compile(
    # A hyphen is the only character of the names that a client could have a reason to encode.
    r"((?:^|&)(?:X(?:-|%2D)Amz(?:-|%2D)(?:Signature|Security(?:-|%2D)Token|Credential)|Signature|AWSAccessKeyId)=)[^&]*",
    re.IGNORECASE,
)


class AccessLog:
    """One process's end of the log. Lines of several processes never mix: each batch is one append."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._fd = self._open()
        self._lines: list[str] = []
        self._size = 0

    def add(
        self,
        at_us: int,
        request_id: str,
        source_ip: str,
        access_key_id: str,
        tenancy: str,
        operation: str,
        method: str,
        path: str,
        query: str,
        status: int,
        error: str,
        bytes_in: int,
        bytes_out: int,
        duration_us: int,
        agent: str,
    ) -> None:
        """Keep one line until the next `flush`."""
        seconds, rest = divmod(at_us, 1_000_000)
        line = (
            f'{{"at":"{_second(seconds)}.{rest // 1000:03d}Z","id":"{request_id}","from":"{source_ip}",'
            f'"key":{quoted(access_key_id[:_TEXT_MAX])},"tenancy":"{tenancy}","operation":"{operation}","method":"{method}",'
            f'"path":{quoted(path[:_TEXT_MAX])},"query":{quoted(redact(query)) if query else _NOTHING},'
            f'"status":{status},"error":"{error}","in":{bytes_in},"out":{bytes_out},"us":{duration_us},"agent":{quoted(agent[:_TEXT_MAX])}}}\n'
        )
        self._lines.append(line)
        self._size += len(line)
        if self._size > BUFFER_BYTES_MAX:
            self.flush()

    def flush(self) -> None:
        """Append what is kept. A full disk loses lines of this log, never a request."""
        if not self._lines:
            return
        data = "".join(self._lines).encode("ascii")
        self._lines.clear()
        self._size = 0
        try:
            os.write(self._fd, data)
        except OSError:
            return

    def reopen(self) -> None:
        """Write to a new file of the same name from now on, after a rotation."""
        self.flush()
        os.close(self._fd)
        self._fd = self._open()

    def close(self) -> None:
        self.flush()
        os.close(self._fd)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def redact(query: str) -> str:
    """Return a query without what would let its reader send the request again."""
    return _SECRETS.sub(r"\1…", query)[:_TEXT_MAX]


_NOTHING: Final = '""'


@lru_cache(maxsize=8)
def _second(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
