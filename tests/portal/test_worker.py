"""The portal's own rounds: what operators see of them."""

from __future__ import annotations

from typing import Any


def test_operators_see_how_the_last_run_of_each_round_went(town: Any) -> None:
    from holdfast.portal.operating.jobs import job_states
    from holdfast.portal.worker import Reports, Round, work

    answers = iter((3, OSError("no way to the host"), 0))

    def run() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    reports = Reports(town.house.home.portal_jobs_file)
    seen = []
    for _ in range(3):
        work(Round("mail", 5, run), reports)
        (state,) = job_states(town.house)
        seen.append((state.name, state.runs, state.faults, state.fault, state.done))
    assert seen == [
        ("mail", 1, 0, "", "done 3"),
        ("mail", 2, 1, "no way to the host", ""),
        ("mail", 3, 1, "", ""),
    ]
    assert "mail" in town.client(town.operator()).get("/operators/jobs/").content.decode()
