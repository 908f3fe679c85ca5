"""Dates: written as S3 writes them, read in all the forms that HTTP allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.s3 import dates

RFC_EXAMPLE = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@given(epoch_s=st.integers(0, 253_402_300_799))
def test_what_is_written_is_read_back_and_is_what_the_standard_library_writes(epoch_s: int) -> None:
    moment = datetime.fromtimestamp(epoch_s, UTC)
    assert dates.http_date(epoch_s) == formatdate(epoch_s, usegmt=True)
    assert dates.parse_http_date(dates.http_date(epoch_s)) == moment
    assert dates.parse_iso_date(dates.iso_date(epoch_s)) == moment
    assert dates.parse_amz_date(dates.amz_date(moment)) == moment
    assert dates.iso_date(epoch_s) == moment.isoformat().replace("+00:00", ".000Z")


@pytest.mark.parametrize(
    "text", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_each_form_of_an_http_date_is_read(text: str) -> None:
    assert dates.parse_http_date(text) == RFC_EXAMPLE


def test_a_leap_second_is_read_as_the_second_before_it() -> None:
    assert dates.parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
    ],
)
def test_a_malformed_http_date_is_none(text: str) -> None:
    assert dates.parse_http_date(text) is None


@pytest.mark.parametrize(
    "text", ["", "20130524T000000", "20130524t000000Z", "20130524T000000+", "20131324T000000Z", "20130524T0000٠0Z"]
)
def test_a_malformed_x_amz_date_is_none(text: str) -> None:
    assert dates.parse_amz_date(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T10:00Z", datetime(2027, 1, 31, 10, tzinfo=UTC)),
        ("2027-01-31T10:00:00.5Z", datetime(2027, 1, 31, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2027-01-31T10:00:00.123456789Z", datetime(2027, 1, 31, 10, 0, 0, 123_456, tzinfo=UTC)),
        ("2027-01-31T10:00:00+01:00", datetime(2027, 1, 31, 10, tzinfo=timezone(timedelta(hours=1)))),
        ("2027-01-31T10:00:00-0130", datetime(2027, 1, 31, 11, 30, tzinfo=UTC)),
        ("2027-01-31T10:00:00", None),
        ("2027-02-31", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("2027-1-31", None),
    ],
)
def test_an_iso_date_is_read_with_its_zone(text: str, expected: datetime | None) -> None:
    assert dates.parse_iso_date(text) == expected
