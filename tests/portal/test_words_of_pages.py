"""Words and shapes of pages that people stumbled over."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.portal.test_dashboard import text_of
from tests.portal.test_joining import ask
from tests.portal.test_refused_pages import words
from tests.portal.test_tokens import make_buckets

from holdfast.auth.roles import Role
from holdfast.catalog.rows import TENANCIES


@pytest.fixture
def mary(town: Any) -> Any:
    found = town.client(town.member("a-o", "mary", Role.MANAGER))
    make_buckets(town, "ice", owner="mary")
    return found


def test_a_question_that_ends_in_a_mark_gets_no_colon(town: Any, mary: Any) -> None:
    answer = ask(town.client(town.person("ann")), "a-o", answer_purpose=" ")
    assert "What do you want to use it for? This field is required." in words(answer)


def test_the_page_of_a_bucket_is_called_by_the_bucket_and_its_tenancy(mary: Any) -> None:
    page = mary.get("/tenancies/a-o/buckets/ice/").content.decode()
    assert re.search(r"<title>ice · a-o · ", page)


def test_nobody_on_the_internet_is_told_of_no_role(mary: Any) -> None:
    text = text_of(mary, "/tenancies/a-o/buckets/ice/sharing/")
    assert "only people with an account can" in text
    assert "no member of this role" not in text.split("Any other member")[0]


def test_states_are_words_in_capitals_wherever_they_stand(town: Any, mary: Any) -> None:
    client = town.client(town.operator())
    with town.house.catalog.read() as rows:
        row = rows.scan(TENANCIES, ("a-o",), index="by_name")[0]
    for state, word in (("active", "ACTIVE"), ("readonly", "READ-ONLY"), ("suspended", "SUSPENDED")):
        changed = row._replace(state=state)
        town.house.catalog.commit([lambda rows, changed=changed: rows.replace(TENANCIES, changed)])
        page = client.get(f"/operators/tenancies/?state={state}").content.decode()
        assert f"<span>{word}</span>" in page
        assert f'<option value="{state}" selected>{word}</option>' in page
        assert f"<span>{word}</span>" in client.get("/operators/tenancies/a-o/").content.decode()


def test_long_facts_of_the_audit_log_are_folded_and_short_ones_are_not(town: Any, mary: Any) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Sid": "x" * 80}]})
    office = town.house.office("test")
    with town.house.catalog.read() as rows:
        tenancy_id = rows.scan(TENANCIES, ("a-o",), index="by_name")[0].tenancy_id
    office.record("bucket.policy", "a-o/ice", tenancy_id, {"after": policy, "reason": "why not " * 20})
    client = town.client(town.operator())
    page = client.get("/operators/audit/?action=bucket.policy").content.decode()
    cell = page.split('data-label="Details"')[1].split("</td>")[0]
    before, _, folded = cell.partition("<details>")
    assert "reason: why not why not" in before
    assert "Show after" in folded
    assert "2012-10-17" in folded
    assert "2012-10-17" not in before
    assert "<code>cli:root</code>" in page
