"""Pages of what can't be done now: why, and whom somebody can ask who is not themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.portal.test_dashboard import text_of
from tests.portal.test_tokens import make_buckets

from holdfast.admin.site import set_site_setting
from holdfast.admin.tenancies import suspend_tenancy
from holdfast.auth.roles import Role
from holdfast.portal.house import use_house
from holdfast.store.site import READ_ONLY

HERE = "/tenancies/a-o/"


@pytest.fixture
def mary(town: Any) -> Any:
    site = replace(town.house.settings.site, support_contact="help@example.org")
    town.house = replace(town.house, settings=replace(town.house.settings, site=site))
    use_house(town.house)
    found = town.member("a-o", "mary", Role.MANAGER)
    make_buckets(town, "ice", owner="mary")
    return found


def words(answer: Any) -> str:
    import re

    body = re.sub(r"<head>.*?</head>", "", answer.content.decode(), flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_a_manager_is_sent_to_the_operators_and_members_to_the_manager(town: Any, mary: Any) -> None:
    ann = town.member("a-o", "ann")
    suspend_tenancy(town.house.office("test"), "a-o", "unpaid")
    for person, ask in ((mary, "Ask the operators of this site: help@example.org."), (ann, "Ask mary, who manages")):
        answer = town.client(person).get(f"{HERE}buckets/")
        assert answer.status_code == 403
        assert ask in words(answer)
        assert ("who manages" in words(answer)) is (person == ann)


def test_a_site_that_is_read_only_is_the_operators_business_whoever_asks(town: Any, mary: Any) -> None:
    client = town.client(town.member("a-o", "ann"))
    set_site_setting(town.house.office("test"), READ_ONLY, "new disks")
    answer = client.post(f"{HERE}new-bucket/", {"name": "new-bucket", "preset": "private"})
    assert answer.status_code == 403
    text = words(answer)
    assert "Ask the operators of this site: help@example.org." in text
    assert "who manages" not in text


def test_read_only_is_said_once_with_its_reason_and_takes_no_files(town: Any, mary: Any) -> None:
    client = town.client(mary)
    upload = f"{HERE}buckets/ice/upload/"
    assert 'id="uploader"' in client.get(upload).content.decode()
    set_site_setting(town.house.office("test"), READ_ONLY, "new disks")
    assert text_of(client, "/").count("Read-only for maintenance") == 1
    assert "Read-only for maintenance: new disks" in text_of(client, "/")
    page = client.get(upload).content.decode()
    assert "Nothing can be uploaded now" in page
    assert 'id="uploader"' not in page
    assert "upload.js" not in page


def test_a_site_is_not_made_read_only_without_a_reason(town: Any) -> None:
    client = town.client(town.operator())
    answer = client.post("/operators/site/", {"is_read_only": "on", "read_only_reason": " "})
    assert answer.status_code == 200
    assert "Say why: people read it" in words(answer)
    assert "Read-only for maintenance." not in text_of(client, "/")


def test_an_operator_is_shown_the_way_to_data_and_back(town: Any, mary: Any) -> None:
    client = town.client(town.operator())
    answer = client.get(f"{HERE}buckets/")
    assert answer.status_code == 403
    assert "Only members of a-o may see this page" in words(answer)
    assert "Ask mary" not in words(answer)
    assert 'href="/operators/tenancies/a-o/break-glass/"' in answer.content.decode()

    said = {"reason": "ticket 12: the owner can't read results", "access": "read", "minutes": "60"}
    client.post("/operators/tenancies/a-o/break-glass/", said)
    for path in (HERE, f"{HERE}buckets/"):
        assert "You broke the glass: read until" in text_of(client, path)
        assert 'action="/operators/tenancies/a-o/break-glass/end/"' in client.get(path).content.decode()
    text = text_of(client, HERE)
    assert "First steps" not in text
    assert "EXPIRING" not in text
    assert "Get started" not in text_of(client, "/")
    assert "You broke the glass: until" in text_of(client, "/")
    assert "You broke the glass" not in text_of(town.client(mary), HERE)
    client.post("/operators/tenancies/a-o/break-glass/end/")
    assert "You broke the glass" not in text_of(client, HERE)
