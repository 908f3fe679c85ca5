"""answer.py: the document of a refusal."""

from __future__ import annotations

from holdfast.s3.answer import error_document
from holdfast.s3.codes import S3Error


def test_an_error_has_awss_elements_in_awss_order_and_no_namespace() -> None:
    error = S3Error("NoSuchKey", "The specified key does not exist.", details={"Key": "a<b"})
    assert error_document(error, "/bucket/a<b", "4442587FB7D0A2F9", "host") == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>a&lt;b</Key>"
        b"<Resource>/bucket/a&lt;b</Resource><RequestId>4442587FB7D0A2F9</RequestId><HostId>host</HostId></Error>"
    )
