"""A tenancy's settings: its public face, its questions of each kind, its rules; and two editors at once."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.auth.roles import Role

FACE = {
    "version": "0",
    "summary": "Ice",
    "description": "About ice.",
    "approver_message": "Look twice.",
    "new_buckets": "private",
    "users_may_create": "on",
}


@pytest.fixture
def lab(town: Any) -> Any:
    """A tenancy with a MANAGER, mary, a DEPUTY, dave, and a USER, uma."""
    for name, role in (("mary", Role.MANAGER), ("dave", Role.DEPUTY), ("uma", Role.USER)):
        town.member("lab-o", name, role)
    return town


def questions(*given: dict[str, Any], initial: int = 0) -> dict[str, Any]:
    """Return the fields of the questions' part of the form."""
    fields: dict[str, Any] = {
        "questions-TOTAL_FORMS": len(given),
        "questions-INITIAL_FORMS": initial,
        "questions-MIN_NUM_FORMS": 0,
        "questions-MAX_NUM_FORMS": 20,
    }
    for number, each in enumerate(given):
        fields.update({f"questions-{number}-{name}": value for name, value in each.items()})
    return fields


def save(town: Any, by: str = "mary", *asked: dict[str, Any], **given: Any) -> Any:
    fields = {**FACE, **questions(*asked, initial=given.pop("initial", 0)), **given}
    fields = {name: value for name, value in fields.items() if value is not None}
    return town.client(town.person(by)).post("/tenancies/lab-o/settings/", fields)


def page() -> Any:
    from holdfast.portal.joining.models import TenancyPage

    return TenancyPage.objects.get()


def tenancy(town: Any) -> Any:
    from holdfast.admin.lookups import get_tenancy

    with town.house.catalog.read() as rows:
        return get_tenancy(rows, "lab-o")


def test_the_face_is_saved_and_shown_to_who_may_join(lab: Any) -> None:
    assert save(lab).status_code == 302
    seen = lab.client(lab.person("ann")).get("/tenancies/lab-o/").content.decode()
    assert "About ice." in seen
    assert "Look twice." not in seen
    form = lab.client(lab.person("mary")).get("/tenancies/lab-o/settings/").content.decode()
    assert 'value="Ice"' in form
    assert form.count("Add a question") == 2
    assert "Look twice." in form


@pytest.mark.parametrize(("by", "status"), [("mary", 302), ("olga", 302), ("dave", 403), ("uma", 403)])
def test_who_edits_the_settings_is_said_by_the_role_table(lab: Any, by: str, status: int) -> None:
    lab.operator()
    assert save(lab, by).status_code == status
    get = lab.client(lab.person(by)).get("/tenancies/lab-o/settings/")
    assert get.status_code == (200 if status == 302 else 403)


def test_the_rules_are_changed_in_the_catalog_and_audited_under_the_managers_name(lab: Any) -> None:
    from holdfast.catalog.rows import AUDIT

    save(lab, new_buckets="members-read", users_may_publish="on", users_may_create=None)
    row = tenancy(lab)
    assert (row.new_buckets, row.users_may_publish, row.users_may_create) == ("members-read", 1, 0)
    with lab.house.catalog.read() as rows:
        made = {row.action: row for row in rows.scan(AUDIT) if row.action in ("tenancy.rules", "tenancy.page")}
    assert {row.actor for row in made.values()} == {lab.person("mary").principal_id}
    assert set(made) == {"tenancy.rules", "tenancy.page"}


def test_what_did_not_change_leaves_no_audit_row(lab: Any) -> None:
    from holdfast.catalog.rows import AUDIT

    save(lab)
    with lab.house.catalog.read() as rows:
        before = len(rows.scan(AUDIT))
    assert save(lab, version="1").status_code == 302
    with lab.house.catalog.read() as rows:
        assert len(rows.scan(AUDIT)) == before


def test_questions_of_every_kind_are_asked_answered_and_shown_to_who_decides(lab: Any) -> None:
    asked = [
        {"label": "Project", "kind": "text", "help": "Its number", "required": "on", "ORDER": "1"},
        {"label": "Why", "kind": "paragraph", "ORDER": "2"},
        {"label": "Group", "kind": "choice", "options": "Ocean\nIce\n", "required": "on", "ORDER": "3"},
        {"label": "Tools", "kind": "choices", "options": "s3cmd\nxarray\nrclone", "ORDER": "4"},
        {"label": "I keep no personal data", "kind": "yes", "required": "on", "ORDER": "5"},
        {"label": "From", "kind": "date", "ORDER": "6"},
        {"label": "Terabytes", "kind": "number", "ORDER": "7"},
    ]
    assert save(lab, "mary", *asked).status_code == 302
    fields = {each["label"]: f"answer_{each['id']}" for each in page().questions}
    assert list(fields) == [each["label"] for each in asked]
    ann = lab.client(lab.person("ann"))
    form = ann.get("/tenancies/lab-o/").content.decode()
    assert "Its number" in form
    wrong = {"role": "USER", fields["Group"]: "Air", fields["From"]: "soon", fields["Terabytes"]: "many"}
    refused = ann.post("/tenancies/lab-o/join/", wrong)
    assert refused.status_code == 400
    for name in ("Project", "Group", "I keep no personal data", "From", "Terabytes"):
        assert f">{name}: " in refused.content.decode(), name
    right = {
        "role": "USER",
        fields["Project"]: "ICE-7",
        fields["Group"]: "Ice",
        fields["Tools"]: ["s3cmd", "rclone"],
        fields["I keep no personal data"]: "on",
        fields["From"]: "2027-01-31",
        fields["Terabytes"]: "1.5",
    }
    assert ann.post("/tenancies/lab-o/join/", right).status_code == 302
    from holdfast.portal.joining.models import AccessRequest

    number = AccessRequest.objects.get().pk
    seen = lab.client(lab.person("dave")).get(f"/tenancies/lab-o/requests/{number}/").content.decode()
    for text in ("ICE-7", "Ice", "s3cmd, rclone", "<p>yes</p>", "2027-01-31", "1.5", "no answer"):
        assert text in seen, text


def test_a_question_keeps_its_answers_when_its_words_change_and_an_earlier_request_keeps_its_words(lab: Any) -> None:
    save(lab, "mary", {"label": "Project", "kind": "text"})
    (question,) = page().questions
    ann = lab.client(lab.person("ann"))
    ann.post("/tenancies/lab-o/join/", {"role": "USER", f"answer_{question['id']}": "ICE-7"})
    reworded = {"question_id": question["id"], "label": "Project's number", "kind": "text"}
    save(lab, "mary", reworded, initial=1, version="1")
    assert page().questions[0]["id"] == question["id"]
    from holdfast.portal.joining.models import AccessRequest

    number = AccessRequest.objects.get().pk
    seen = lab.client(lab.person("dave")).get(f"/tenancies/lab-o/requests/{number}/").content.decode()
    assert ">Project</dt>" in seen
    lab.client(lab.person("dave")).post(
        f"/tenancies/lab-o/requests/{number}/", {"decision": "incomplete", "reason": "Which?"}
    )
    assert 'value="ICE-7"' in ann.get("/tenancies/lab-o/join/").content.decode()


def test_questions_are_put_in_order_and_deleted(lab: Any) -> None:
    save(
        lab,
        "mary",
        {"label": "Second", "kind": "text", "ORDER": "2"},
        {"label": "First", "kind": "text", "ORDER": "1"},
        {"label": "Gone", "kind": "text", "DELETE": "on"},
        {"label": "", "kind": "text"},
    )
    assert [each["label"] for each in page().questions] == ["First", "Second"]


def test_an_empty_list_of_questions_asks_the_usual_one(lab: Any) -> None:
    save(lab)
    assert "What do you want to use it for?" in lab.client(lab.person("ann")).get("/tenancies/lab-o/").content.decode()


@pytest.mark.parametrize(
    ("asked", "given", "fault"),
    [
        ({"label": "Group", "kind": "choice", "options": "one"}, {}, "at least two options"),
        ({"label": "Group", "kind": "file"}, {}, "valid choice"),
        ({"label": "x" * 201, "kind": "text"}, {}, "at most 200"),
        ({"label": "Group", "kind": "choice", "options": "\n".join(map(str, range(51)))}, {}, "At most 50 options"),
        ({"label": "Fine", "kind": "text"}, {"summary": "x" * 161}, "at most 160"),
        ({"label": "Fine", "kind": "text"}, {"new_buckets": "public"}, "valid choice"),
        ({"label": "Fine", "kind": "text"}, {"hidden": "on", "auto_accept": "on"}, "whoever tried would find it"),
    ],
)
def test_settings_that_make_no_sense_are_refused_whole(
    lab: Any, asked: dict[str, str], given: dict[str, str], fault: str
) -> None:
    from holdfast.portal.joining.models import TenancyPage

    answer = save(lab, "mary", asked, **given)
    assert answer.status_code == 400
    assert fault in answer.content.decode()
    assert not TenancyPage.objects.exists()
    assert tenancy(lab).new_buckets == "private"


def test_more_questions_than_twenty_are_refused(lab: Any) -> None:
    asked = [{"label": f"Q{number}", "kind": "text"} for number in range(30)]
    assert save(lab, "mary", *asked).status_code == 400


def test_a_form_without_its_counts_is_refused_and_not_a_fault_of_ours(lab: Any) -> None:
    assert lab.client(lab.person("mary")).post("/tenancies/lab-o/settings/", FACE).status_code == 400


def test_the_second_of_two_editors_is_told_and_overwrites_nothing(lab: Any) -> None:
    save(lab, summary="First")
    late = save(lab, summary="Second", new_buckets="members-write")
    assert late.status_code == 409
    assert "somebody else saved these settings" in late.content.decode().lower()
    assert page().summary == "First"
    assert tenancy(lab).new_buckets == "private"


def test_settings_of_one_tenancy_are_not_reached_through_another(lab: Any) -> None:
    lab.member("other-o", "otto", Role.MANAGER)
    lab.client(lab.person("otto")).post(
        "/tenancies/other-o/settings/",
        {**FACE, **questions(), "tenancy_id": tenancy(lab).tenancy_id, "tenancy": "lab-o"},
    )
    assert page().tenancy_id != tenancy(lab).tenancy_id


def test_two_questions_of_one_id_become_two(lab: Any) -> None:
    same = {"question_id": "0123abcd", "kind": "text", "required": "on"}
    assert save(lab, "mary", {**same, "label": "Which ice?"}, {**same, "label": "Which year?"}).status_code == 302
    kept = page().questions
    assert [each["label"] for each in kept] == ["Which ice?", "Which year?"]
    assert kept[0]["id"] == "0123abcd"
    assert kept[1]["id"] != "0123abcd"
