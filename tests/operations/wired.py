"""A real store for tests that drive operations over the wire, by a client with its defaults."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any, NamedTuple

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from tests.serving import Key, Store


class Plain(NamedTuple):
    """An answer to a request that no client library made."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes

    @property
    def code(self) -> str:
        """The code of an error document."""
        return self.body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


@dataclass
class Wired:
    """A store, two USERs of one tenancy that lets them publish, and a bucket of the first one's for each test."""

    store: Store
    key: Key
    # Clients of the first user, the second, and nobody. Any: tests pass options on, which no stub can follow.
    s3: Any
    other: Any
    nobody: Any
    bucket: str = ""

    def url(self, key: str = "", query: str = "") -> str:
        return f"{self.store.endpoint_url}/{self.bucket}/{key}{'?' if query else ''}{query}"

    def presign(self, method: str, url: str, headers: Mapping[str, str] | None = None, *, expires_s: int = 300) -> str:
        """Return the URL with botocore's own signature in it, over its query and these headers."""
        request = AWSRequest(method=method, url=url, headers=dict(headers or {}))
        credentials = Credentials(self.key.token, self.key.secret)
        S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=expires_s).add_auth(request)
        return str(request.url)


def refused(ask: Callable[..., Any], **options: Any) -> str:
    """Return the code of the error that a client's request meets. Of a HEAD there is the status only."""
    with pytest.raises(ClientError) as caught:
        ask(**options)
    return caught.value.response["Error"]["Code"]


def plain(method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Plain:
    """Send a request as it is."""
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return Plain(answer.status, _lower(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Plain(error.code, _lower(error.headers), error.read())


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
