"""Signing requests on the server, for browsers to send straight to S3.

A URL is made for one request of one person: method, path, parameters and the `x-amz-…` headers, which travel as
parameters, are signed; the secret stays here. What the person may not do is refused before anything is signed, by the
same decision that S3 makes once more when the URL is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

from holdfast.admin.internal_keys import SigningKey
from holdfast.catalog.interface import CatalogError, Snapshot
from holdfast.operations.operation import Operation
from holdfast.portal.house import house
from holdfast.s3 import names
from holdfast.s3.codes import S3Error
from holdfast.s3.head import Head
from holdfast.s3.sigv4 import presign
from holdfast.store.errors import StorageReadOnly
from holdfast.telemetry.log import get_log

from .acting import Acting
from .heads import head_writer

LIFE_S: Final = 900
"""How long a URL lasts that a page uses: a part may wait its turn behind others."""
_DOTS: Final = frozenset((".", ".."))

_log = get_log("portal")


@dataclass(frozen=True, slots=True)
class Signed:
    """A request for a browser to send: this method, to this URL, with these headers."""

    method: str
    url: str
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Signed({self.method} …)"  # the signature is as good as a key while it lasts


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one person in one tenancy, over one snapshot."""

    acting: Acting
    key: SigningKey
    endpoint: str
    """The tenancy's URL: its scheme and host are signed for."""

    def sign(
        self,
        rows: Snapshot,
        operation: Operation[Any, Any],
        request: Any,
        *,
        headers: Mapping[str, str] | None = None,
        expires_s: int = LIFE_S,
    ) -> Signed:
        """Return the request, signed, if the person may make it now.

        `headers` are more of it than the request has fields. Raises what S3 would refuse it with.
        """
        opened = house()
        bare = head_writer(operation)(request, headers or {})
        hoisted, sent = _hoist(bare)
        head = sent._replace(
            raw_path=_browser_path(request.bucket, getattr(request, "key", "")),
            headers={**sent.headers, "host": urlsplit(self.endpoint).netloc},
        )
        signed_at = datetime.fromtimestamp(opened.now_us() / 1_000_000, UTC)
        query = presign(
            head,
            access_key_id=self.key.access_key_id,
            secret=self.key.secret,
            region=opened.settings.region,
            signed_at=signed_at,
            expires_s=expires_s,
        )
        context = self.acting.context(rows, operation, request)
        judged = head._replace(raw_query=query, headers={**context.head.headers, **hoisted, **head.headers})
        context._replace(head=judged).authorised(
            operation.permission, request.bucket, getattr(request, "key", None) or None
        )
        shown = {name: value for name, value in head.headers.items() if name != "host"}
        return Signed(head.method, f"{self.endpoint}{head.raw_path}?{query}", shown)


def record(acting: Acting, tenancy_name: str, action: str, subject: str, detail: Mapping[str, Any]) -> None:
    """Write into the audit what was signed for a person to read. Reading goes on where nothing can be written."""
    opened = house()
    if opened.is_read_only:
        return
    try:
        opened.office(acting.principal_id).record(action, f"{tenancy_name}/{subject}", acting.tenancy_id, detail)
    except CatalogError as error:
        _log.warning("a read could not be written into the audit", action=action, fault=str(error))


def record_change(acting: Acting, tenancy_name: str, action: str, subject: str, detail: Mapping[str, Any]) -> None:
    """Write into the audit what is signed for a person to change; without the row nothing is handed out."""
    opened = house()
    if opened.is_read_only:
        raise StorageReadOnly
    opened.office(acting.principal_id).record(action, f"{tenancy_name}/{subject}", acting.tenancy_id, detail)


def attachment(key: str) -> str:
    """Return the Content-Disposition that saves an object under the last name in its key (RFC 6266).

    Of what a file system or a header could take for something else nothing is left.
    """
    name = key.rstrip("/").rpartition("/")[2]
    name = "".join(
        character if character.isprintable() and character not in '\\/:*?"<>|' else "_" for character in name
    )
    name = name.strip(". ") or "download"
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace("%", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _hoist(head: Head) -> tuple[dict[str, str], Head]:
    """Move the `x-amz-…` headers into the query, where S3 reads them as headers; return them, and the rest."""
    hoisted = {name: value for name, value in head.headers.items() if name.startswith("x-amz-")}
    parameters = [
        f"{quote(name, safe='')}={quote(value.encode('latin-1'), safe='')}" for name, value in hoisted.items()
    ]
    query = "&".join([head.raw_query, *parameters] if head.raw_query else parameters)
    kept = {name: value for name, value in head.headers.items() if name not in hoisted}
    return hoisted, head._replace(raw_query=query, headers=kept)


def _browser_path(bucket: str, key: str) -> str:
    """Return the path of a key as a browser leaves it. Raises S3Error for a key that no browser can ask for.

    Browsers resolve `.` and `..` between slashes, encoded ones too, so the slashes of such a key are encoded as well.
    Source: https://url.spec.whatwg.org/#double-dot-path-segment
    """
    if not key:
        return f"/{quote(bucket, safe='')}"
    names.check_key(key)
    if key in _DOTS:
        raise S3Error("InvalidURI", f"A browser can't ask for the key {key}. Use an S3 client for it.")
    safe = "" if _DOTS.intersection(key.split("/")) else "/"
    return f"/{quote(bucket, safe='')}/{quote(key, safe=safe)}"
