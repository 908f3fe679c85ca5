"""Sharing with one member without JSON: what the policy says of others stays."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.portal.test_dashboard import text_of
from tests.portal.test_refused_pages import words
from tests.portal.test_tokens import make_buckets

from holdfast.catalog.rows import BUCKETS, TENANCIES
from holdfast.portal.data.sharing_person import with_member

HERE = "/tenancies/a-o/buckets/ice/sharing/"
OTHER = {"Sid": "web", "Effect": "Allow", "Principal": {"user": ["cyd"]}, "Action": "s3:GetObject"}


def test_one_statement_is_put_replaced_and_taken_away_and_the_others_stay() -> None:
    other = {**OTHER, "Resource": "arn:aws:s3:::ice/a/*"}
    before = json.dumps({"Version": "2012-10-17", "Id": "mine", "Statement": other})
    reads = with_member(before, "ice", "ben", "read")
    writes = with_member(reads, "ice", "ben", "write")
    assert [each["Sid"] for each in json.loads(writes)["Statement"]] == ["web", "member-ben"]
    assert json.loads(writes)["Id"] == "mine"
    assert "s3:PutObject" not in reads
    assert "s3:PutObject" in writes
    assert with_member(writes, "ice", "ben", "write") == writes
    assert json.loads(with_member(writes, "ice", "ben", "none"))["Statement"] == [other]
    assert with_member(with_member("", "ice", "ben", "read"), "ice", "ben", "none") == ""


def policy(town: Any) -> str:
    with town.house.catalog.read() as rows:
        tenancy = rows.scan(TENANCIES, ("a-o",), index="by_name")[0]
        found: str = rows.find(BUCKETS, (tenancy.tenancy_id, "ice")).policy
    return found


def fields(page: str) -> dict[str, str]:
    from html import unescape

    form = page.split('sharing/policy/"', 1)[1].split("</form>")[0]
    return {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}


def test_a_member_is_let_in_by_name_after_a_look_at_what_would_change(town: Any) -> None:
    ann = town.client(town.member("a-o", "ann"))
    town.member("a-o", "ben")
    make_buckets(town, "ice", owner="ann")
    assert "Share it with one member" in text_of(ann, HERE)
    answer = ann.get(f"{HERE}member/?member=Ben&reach=read")
    assert policy(town) == ""
    text = words(answer)
    assert "What would change" in text
    assert "list what is in it" in text
    assert "ben" in text.split("Gains")[1].split("The new policy")[0]
    done = ann.post(f"{HERE}policy/", fields(answer.content.decode()))
    assert done.status_code == 302
    assert [each["Sid"] for each in json.loads(policy(town))["Statement"]] == ["member-ben"]
    assert "ice" in text_of(town.client(town.person("ben")), "/tenancies/a-o/buckets/")
    assert "It is so already" in words(ann.get(f"{HERE}member/?member=ben&reach=read", follow=True))
    ann.post(f"{HERE}policy/", fields(ann.get(f"{HERE}member/?member=ben&reach=none").content.decode()))
    assert policy(town) == ""


def test_nobody_is_let_in_who_is_no_member_and_by_nobody_who_may_not(town: Any) -> None:
    ann = town.client(town.member("a-o", "ann"))
    ben = town.client(town.member("a-o", "ben"))
    town.member("b-o", "eve")
    make_buckets(town, "ice", owner="ann")
    for name in ("eve", "nobody"):
        answer = ann.get(f"{HERE}member/?member={name}&reach=read", follow=True)
        assert f"There is no member {name} in this tenancy." in words(answer)
    assert "Say with which member" in words(ann.get(f"{HERE}member/?reach=read", follow=True))
    assert ben.get(f"{HERE}member/?member=ben&reach=read").status_code == 403
