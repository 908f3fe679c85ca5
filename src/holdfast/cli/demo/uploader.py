"""Puts objects into a running store through S3 itself, signed by our own code: the demo shows the product."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import NamedTuple

from holdfast.config import Address
from holdfast.s3.head import Head
from holdfast.s3.sigv4 import presign, sign_headers

from .dataset import Item

_EXISTS = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists", "PreconditionFailed")


class UploadRefused(Exception):
    """The store refused what the demo uploads. The text is one sentence."""


class Uploader(NamedTuple):
    """A bucket on one address, reached path style as one access key."""

    address: Address
    bucket: str
    token: str
    secret: str
    region: str

    def fill(self, items: Iterable[Item]) -> int:
        """Create the bucket and put what isn't there yet; return how many objects were put. Raises UploadRefused."""
        connection = HTTPConnection(self.address.host, self.address.port, timeout=30)
        try:
            self._put(connection, f"/{self.bucket}", b"", {})
            # What a person changed since the last time stays as it is.
            return sum(
                self._put(
                    connection,
                    f"/{self.bucket}/{item.key}",
                    item.data,
                    {"content-type": item.content_type, "if-none-match": "*"},
                )
                for item in items
            )
        finally:
            connection.close()

    def share(self, key: str, life_s: int) -> str:
        """Return a URL that fetches an object for `life_s` seconds, without a key."""
        head = Head("GET", f"/{self.bucket}/{key}", "", {"host": str(self.address)})
        query = presign(
            head,
            access_key_id=self.token,
            secret=self.secret,
            region=self.region,
            signed_at=datetime.now(UTC),
            expires_s=life_s,
        )
        return f"http://{self.address}{head.raw_path}?{query}"

    def _put(self, connection: HTTPConnection, path: str, data: bytes, headers: dict[str, str]) -> bool:
        headers = {"host": str(self.address), **headers}
        headers |= sign_headers(
            Head("PUT", path, "", headers),
            access_key_id=self.token,
            secret=self.secret,
            region=self.region,
            signed_at=datetime.now(UTC),
            payload=hashlib.sha256(data).hexdigest(),
        )
        connection.request("PUT", path, data, headers)
        response = connection.getresponse()
        body = response.read().decode("utf-8", "replace")
        if response.status == 200:
            return True
        code = _between(body, "<Code>", "</Code>")
        if code in _EXISTS:
            return False
        raise UploadRefused(f"the store refused to put {path}: {code} ({_between(body, '<Message>', '</Message>')})")


def _between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]
