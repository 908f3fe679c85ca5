"""The audit log: what a search finds, and that its pages lose nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.admin import audit
from holdfast.admin.audit import Sought, search_audit
from holdfast.admin.office import Office
from holdfast.admin.tenancies import create_tenancy, suspend_tenancy
from holdfast.catalog.memory import MemoryCatalog
from holdfast.catalog.rows import AUDIT, AuditRow


def test_a_search_finds_the_newest_acts_of_a_tenancy_a_person_or_a_kind(office: Office) -> None:
    first = create_tenancy(office, "a-o")
    create_tenancy(office, "b-o")
    suspend_tenancy(office, "a-o", "unpaid")
    with office.read() as rows:
        found = search_audit(rows, Sought(tenancy_id=first.tenancy_id), 10).rows
        assert {row.action for row in found} == {"tenancy.create", "tenancy.suspend"}
        assert {row.subject for row in search_audit(rows, Sought(action="tenancy.create"), 10).rows} == {"a-o", "b-o"}
        assert [row.subject for row in search_audit(rows, Sought(text="B-O"), 10).rows] == ["b-o"]
        assert search_audit(rows, Sought(actors=frozenset({"somebody"})), 10).rows == []
        assert search_audit(rows, Sought(actors=frozenset({office.actor})), 10).before_us is None


def test_what_is_only_recorded_empties_no_cache(office: Office) -> None:
    before = office.generation.value()
    office.record("object.preview", "a-o/data/key")
    assert office.generation.value() == before
    create_tenancy(office, "a-o")
    assert office.generation.value() > before


@given(
    times=st.lists(st.integers(1, 9), max_size=40),
    step=st.integers(2, 7),
    page=st.integers(1, 9),
    looked_at_max=st.integers(2, 30),
)
def test_going_on_from_page_to_page_yields_every_row_once_newest_first(
    times: list[int], step: int, page: int, looked_at_max: int
) -> None:
    catalog = MemoryCatalog()
    made = [AuditRow(at_us, f"{number:02}", "a", "x.y", "s", "t", "") for number, at_us in enumerate(times)]
    catalog.commit([lambda rows: [rows.add(AUDIT, row) for row in made]])
    # More rows of one microsecond than a step takes do not come from a real clock.
    at_once_max = max((times.count(at_us) for at_us in times), default=0)
    with pytest.MonkeyPatch.context() as patch, catalog.read() as rows:
        patch.setattr(audit, "_STEP", max(step, at_once_max + 1))
        patch.setattr(audit, "LOOKED_AT_MAX", looked_at_max)
        for sought in (Sought(), Sought(tenancy_id="t")):
            seen: list[AuditRow] = []
            before_us = None
            while True:
                found = search_audit(rows, sought, page, before_us)
                seen += found.rows
                before_us = found.before_us
                if before_us is None:
                    break
            assert seen == sorted(made, reverse=True)
