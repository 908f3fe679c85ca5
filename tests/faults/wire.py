"""The lightest S3 client: one kept connection, SigV4 by the store's own signer, and no second try."""

from __future__ import annotations

import hashlib
import http.client
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, Self
from urllib.parse import quote
from xml.etree import ElementTree

from tests.serving import Key

from holdfast.s3.head import Head
from holdfast.s3.sigv4 import sign_headers

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def etag(self) -> str:
        return self.headers.get("etag", "").strip('"')

    @property
    def code(self) -> str:
        """S3's code of an error; empty when there is none."""
        if self.status < 300 or not self.body.startswith(b"<?xml"):
            return ""
        return ElementTree.fromstring(self.body).findtext("Code") or ""

    def texts(self, name: str) -> list[str]:
        """The texts of all elements of this name, in order."""
        return [element.text or "" for element in ElementTree.fromstring(self.body).iter(NAMESPACE + name)]


class Wire:
    """One client. Raises OSError or http.client.HTTPException when the connection breaks; the next request makes a new one."""

    def __init__(self, endpoint_url: str, key: Key | None, bucket: str = "data", timeout_s: float = 60) -> None:
        self.address = endpoint_url.removeprefix("http://")
        self.key = key
        self.bucket = bucket
        self._connection = http.client.HTTPConnection(self.address, timeout=timeout_s)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def request(
        self, method: str, path: str, query: str = "", body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        sent = self.signed(method, path, query, headers)
        try:
            self._connection.request(method, f"{path}?{query}" if query else path, body, sent)
            response = self._connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise

    def signed(self, method: str, path: str, query: str, headers: Mapping[str, str] | None) -> dict[str, str]:
        given = {"host": self.address, **(headers or {})}
        if self.key is None:
            return given
        added = sign_headers(
            Head(method, path, query, given),
            access_key_id=self.key.token,
            secret=self.key.secret,
            region="us-east-1",
            signed_at=datetime.now(UTC),
        )
        return given | added

    def path(self, key: str) -> str:
        return f"/{self.bucket}/{quote(key)}"

    def make_bucket(self) -> Answer:
        return self.request("PUT", f"/{self.bucket}")

    def put(self, key: str, body: bytes, **headers: str) -> Answer:
        return self.request("PUT", self.path(key), "", body, {k.replace("_", "-"): v for k, v in headers.items()})

    def start_put(self, key: str, size_bytes: int, beginning: bytes) -> None:
        """Send the head of a PUT and the beginning of its body; the rest goes by `send`, and `finish` takes the answer."""
        headers = self.signed("PUT", self.path(key), "", {"content-length": str(size_bytes)})
        self._connection.putrequest("PUT", self.path(key), skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            self._connection.putheader(name, value)
        self._connection.endheaders(beginning)

    def send(self, piece: bytes) -> None:
        self._connection.send(piece)

    def finish(self) -> Answer:
        response = self._connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def get(self, key: str, **headers: str) -> Answer:
        return self.request("GET", self.path(key), headers=headers)

    def head(self, key: str) -> Answer:
        return self.request("HEAD", self.path(key))

    def delete(self, key: str) -> Answer:
        return self.request("DELETE", self.path(key))

    def copy(self, source: str, key: str) -> Answer:
        return self.request("PUT", self.path(key), headers={"x-amz-copy-source": self.path(source)})

    def delete_many(self, keys: list[str]) -> Answer:
        body = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
        document = f"<Delete>{body}</Delete>".encode()
        md5 = b64encode(hashlib.md5(document).digest()).decode()
        return self.request("POST", f"/{self.bucket}", "delete=", document, {"content-md5": md5})

    def create_upload(self, key: str) -> str:
        return self.request("POST", self.path(key), "uploads=").texts("UploadId")[0]

    def put_part(self, key: str, upload_id: str, number: int, body: bytes) -> Answer:
        return self.request("PUT", self.path(key), f"partNumber={number}&uploadId={upload_id}", body)

    def complete(self, key: str, upload_id: str, etags: Mapping[int, str]) -> Answer:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            for number, etag in sorted(etags.items())
        )
        document = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        return self.request("POST", self.path(key), f"uploadId={upload_id}", document)

    def abort(self, key: str, upload_id: str) -> Answer:
        return self.request("DELETE", self.path(key), f"uploadId={upload_id}")

    def listing(self, prefix: str = "") -> Iterator[tuple[str, int, str]]:
        """Yield key, size and ETag of every object, page after page."""
        token = ""
        while True:
            query = (
                (f"continuation-token={quote(token, safe='')}&" if token else "")
                + "list-type=2&max-keys=300"
                + (f"&prefix={quote(prefix, safe='')}" if prefix else "")
            )
            page = self.request("GET", f"/{self.bucket}", query)
            assert page.status == 200, page
            etags = [etag.strip('"') for etag in page.texts("ETag")]
            yield from zip(page.texts("Key"), map(int, page.texts("Size")), etags, strict=True)
            token = "".join(page.texts("NextContinuationToken"))
            if not token:
                return
