"""target.py: the query string becomes parameters."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.s3.codes import S3Error
from holdfast.s3.target import PARAMETER_COUNT_MAX, hoisted_headers, parse_query

texts = st.text(st.characters(codec="utf-8"), min_size=1)


@given(st.dictionaries(texts, texts, max_size=20))
def test_encoded_parameters_are_read_back(query: dict[str, str]) -> None:
    raw = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query.items())
    assert parse_query(raw) == query


@pytest.mark.parametrize(
    ("raw", "query"),
    [
        ("", {}),
        ("acl", {"acl": ""}),
        ("acl=", {"acl": ""}),
        ("&&acl&", {"acl": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("prefix=a+b%2Bc", {"prefix": "a b+c"}),
        ("versionId=1&versionId=2", {"versionId": "1"}),
        ("prefix=\xc3\xa9", {"prefix": "é"}),
        ("list%2Dtype=2", {"list-type": "2"}),
    ],
)
def test_the_query_is_read_as_s3_reads_it(raw: str, query: dict[str, str]) -> None:
    assert parse_query(raw) == query


@pytest.mark.parametrize("raw", ["a=%", "a=%4", "a=%zz", "%g0", "a=%ff", "a=%ed%a0%80", "a=\xff", "a=%c0%af"])
def test_broken_escapes_and_what_is_not_utf_8_are_refused(raw: str) -> None:
    with pytest.raises(S3Error, match="InvalidURI"):
        parse_query(raw)


def test_the_number_of_parameters_is_bounded() -> None:
    assert len(parse_query("&".join(f"p{n}" for n in range(PARAMETER_COUNT_MAX)))) == PARAMETER_COUNT_MAX
    with pytest.raises(S3Error, match="InvalidURI"):
        parse_query("&" * PARAMETER_COUNT_MAX)


def test_a_presigned_url_may_carry_headers_but_its_signature_is_none() -> None:
    query = parse_query(
        "X-Amz-Signature=s&X-Amz-Date=d&X-Amz-Meta-A=%C3%A9&x-amz-tagging=k%3Dv&x-id=PutObject&prefix=p"
    )
    assert hoisted_headers(query) == {"x-amz-meta-a": "\xc3\xa9", "x-amz-tagging": "k=v"}


def test_a_header_from_the_query_may_not_hold_a_line_break() -> None:
    with pytest.raises(S3Error, match="InvalidArgument"):
        hoisted_headers(parse_query("x-amz-meta-a=1%0d%0aSet-Cookie:x"))
