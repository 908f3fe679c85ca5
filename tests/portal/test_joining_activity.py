"""The activity of a tenancy: whose names, which rows, page by page, and as CSV that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from holdfast.auth.roles import Role

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def lab(town: Any) -> Any:
    """A tenancy with a MANAGER, mary, a DEPUTY, dave, and a USER, uma; and another one."""
    for name, role in (("mary", Role.MANAGER), ("dave", Role.DEPUTY), ("uma", Role.USER)):
        town.member("lab-o", name, role)
    town.member("other-o", "otto", Role.MANAGER)
    return town


def see(town: Any, query: str = "", by: str = "mary") -> Any:
    return town.client(town.person(by)).get(f"/tenancies/lab-o/activity/{query}")


def exported(town: Any, query: str = "") -> list[list[str]]:
    answer = town.client(town.person("mary")).get(f"/tenancies/lab-o/activity/export/{query}")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="activity-lab-o.csv"'
    return list(csv.reader(io.StringIO(town.text_of(answer))))


def record(town: Any, action: str, subject: str, by: str = "mary", tenancy: str = "lab-o", **detail: Any) -> None:
    from holdfast.admin.lookups import get_tenancy

    with town.house.catalog.read() as rows:
        tenancy_id = get_tenancy(rows, tenancy).tenancy_id
    town.house.office(town.person(by).principal_id).record(action, subject, tenancy_id, detail)


def test_what_was_done_is_told_with_the_names_of_people_the_newest_first(lab: Any) -> None:
    record(lab, "key.revoke", "AKIA1", reason="leaked")
    page = see(lab).content.decode()
    assert ">revoked a token</td>" in page
    assert "AKIA1" in page
    assert "“leaked”" in page
    assert page.index(">revoked a token</td>") < page.index(">created the tenancy</td>")
    assert "otto" not in page
    assert "other-o" not in page


@pytest.mark.parametrize(("by", "status"), [("mary", 200), ("dave", 200), ("olga", 200), ("uma", 403)])
def test_who_sees_it_is_said_by_the_role_table(lab: Any, by: str, status: int) -> None:
    lab.operator()
    assert see(lab, by=by).status_code == status
    assert lab.client(lab.person(by)).get("/tenancies/lab-o/activity/export/").status_code == status


def test_people_in_the_details_have_their_names(lab: Any) -> None:
    uma, dave = (lab.person(name).principal_id for name in ("uma", "dave"))
    record(lab, "key.revoke", "AKIA1", user_id=uma)
    record(lab, "key.revoke-all", uma, user_id=uma, revoked=2)
    record(lab, "bucket.transfer", "lab-o/ice", before_id=uma, user_id=dave)
    record(lab, "key.create", "AKIA2", by="uma", user_id=uma)
    assert {(row[4], row[5], row[6]) for row in exported(lab, "?action=key.")[1:]} == {
        ("key.revoke", "AKIA1", "of uma"),
        ("key.revoke-all", "uma", "2 tokens revoked"),
        ("key.create", "AKIA2", ""),
    }
    assert exported(lab, "?action=bucket.")[1][6] == "from uma to dave"
    lab.operator()
    page = lab.client(lab.person("olga")).get("/operators/audit/?tenancy=lab-o").content.decode()
    assert "user: uma" in page
    assert "before: uma; user: dave" in page
    assert uma not in page


def test_it_is_filtered_by_what_and_by_whom(lab: Any) -> None:
    record(lab, "bucket.create", "ice", by="uma")
    record(lab, "key.create", "AKIA1", by="uma")
    record(lab, "key.create", "AKIA2", by="dave")

    def shown(query: str) -> list[str]:
        return [row[5] for row in exported(lab, query)[1:]]

    assert shown("?who=uma") == ["AKIA1", "ice"]
    assert shown("?action=key.") == ["AKIA2", "AKIA1"]
    assert shown("?who=uma&action=key.create") == ["AKIA1"]
    assert shown("?who=nobody") == []
    assert "Nothing matches" in see(lab, "?who=nobody").content.decode()
    assert 'value="uma"' in see(lab, "?who=uma").content.decode()


def test_paging_yields_every_row_once(lab: Any) -> None:
    import re

    for number in range(130):
        record(lab, "bucket.create", f"b-{number:03}")
    query, seen = "?action=bucket.", []
    for _ in range(5):
        page = see(lab, query).content.decode()
        seen += re.findall(r">(b-\d{3})<", page)
        older = re.search(r'rel="next" href="[^"?]*(\?[^"]+)"', page)
        if older is None:
            break
        query = older[1].replace("&amp;", "&")
    assert seen == [f"b-{number:03}" for number in reversed(range(130))]


@pytest.mark.parametrize("odd", ["x", "-1", "9" * 30, "", "1-", "٣"])
def test_a_place_that_is_none_is_the_beginning(lab: Any, odd: str) -> None:
    assert "created the tenancy" in see(lab, f"?before={odd}").content.decode()


def test_names_and_subjects_are_shown_as_text(lab: Any) -> None:
    lab.person("eve", full_name=SCRIPT)
    record(lab, SCRIPT, SCRIPT, by="eve", reason=SCRIPT)
    assert SCRIPT not in see(lab).content.decode()
    assert SCRIPT not in see(lab, f"?who={SCRIPT}&action={SCRIPT}").content.decode()


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_the_csv_is_a_formula(lab: Any, formula: str) -> None:
    lab.person("eve", full_name=f"=HYPERLINK({formula!r})")
    record(lab, "bucket.create", formula, by="eve", reason=formula)
    row = exported(lab, "?action=bucket.")[1]
    assert row[5].startswith("'")
    assert row[5].replace("'", "") == formula
    assert row[1].startswith("'=HYPERLINK")
    assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_acts_of_the_command_line_and_of_the_portal_itself_have_names_too(lab: Any) -> None:
    from dataclasses import replace

    from holdfast.admin.lookups import get_tenancy

    with lab.house.catalog.read() as rows:
        tenancy_id = get_tenancy(rows, "lab-o").tenancy_id
    office = lab.house.office("portal")
    office.record("bucket.create", "one", tenancy_id)
    replace(office, actor="cli:root", source="cli").record("bucket.create", "two", tenancy_id)
    page = see(lab, "?action=bucket.").content.decode()
    assert "the portal" in page
    assert "an operator, by command" in page
    assert [row[5] for row in exported(lab, "?who=cli:root")[1:]] == ["two"]


def test_every_group_of_acts_has_acts_in_words() -> None:
    from holdfast.portal.joining.activity import WORDS
    from holdfast.portal.joining.activity_pages import GROUPS

    assert [prefix for prefix, _ in GROUPS if not any(action.startswith(prefix) for action in WORDS)] == []


@pytest.mark.parametrize(
    ("module", "path"),
    [
        ("joining.activity_pages", "/tenancies/lab-o/activity/export/"),
        ("operating.audit", "/operators/audit/?format=csv"),
    ],
)
def test_the_first_rows_of_an_export_are_sent_before_the_last_are_read(
    lab: Any, monkeypatch: pytest.MonkeyPatch, module: str, path: str
) -> None:
    from importlib import import_module

    from asgiref.sync import async_to_sync

    holder = import_module(f"holdfast.portal.{module}")
    monkeypatch.setattr(holder, "_STEP", 2)
    for number in range(10):
        record(lab, "key.revoke", f"AKIA{number}")
    whole = holder.search_audit
    reads: list[int] = []
    monkeypatch.setattr(holder, "search_audit", lambda *given: reads.append(1) or whole(*given))
    answer = lab.client(_reader(lab)).get(path)

    async def receive() -> tuple[bytes, int, bytes]:
        pieces = aiter(answer.streaming_content)
        first = await anext(pieces) + await anext(pieces)
        count = len(reads)
        return first, count, b"".join([piece async for piece in pieces])

    first, count, rest = async_to_sync(receive)()
    assert (first.count(b"\n"), count) == (3, 1)
    assert b"AKIA0" in rest
    assert len(reads) > 4


def _reader(town: Any) -> Any:
    """Return a MANAGER who is an operator, too."""
    mary = town.person("mary")
    mary.is_operator = True
    mary.save()
    return mary
