"""Policies are read in AWS's form and in the seed system's dialect, and refused if they can't be honoured."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast.s3.codes import S3Error
from holdfast.s3.policy import (
    ACTIONS,
    DIALECT,
    Policy,
    PrincipalFacts,
    PrincipalKind,
    evaluate,
    from_json,
    parse,
    to_json,
)

ALICE = PrincipalFacts("id-alice", frozenset({"id-members"}))
BOB = PrincipalFacts("id-bob", frozenset({"id-members", "id-pilots"}))
GUEST = PrincipalFacts("id-guest")
NOBODY = PrincipalFacts(None)

_KNOWN: dict[tuple[PrincipalKind, str], str] = {
    ("user", "alice"): "id-alice",
    ("user", "id-alice"): "id-alice",
    ("user", "bob"): "id-bob",
    ("group", "pilots"): "id-pilots",
    ("group", "lab-o-members"): "id-members",
    ("members", "*"): "id-members",
    ("members", "lab-o"): "id-members",
}


def resolve(kind: PrincipalKind, name: str) -> str | None:
    return _KNOWN.get((kind, name))


def statement(**fields: Any) -> dict[str, Any]:
    whole = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*", **fields}
    return {name: value for name, value in whole.items() if value is not None}


def policy(*statements: dict[str, Any], version: str = "2012-10-17") -> Policy:
    return parse(json.dumps({"Version": version, "Statement": list(statements)}), "b", resolve)


def refusal(document: bytes | str | dict[str, Any]) -> str:
    with pytest.raises(S3Error) as caught:
        parse(json.dumps(document) if isinstance(document, dict) else document, "b", resolve)
    assert caught.value.code == "MalformedPolicy"
    return caught.value.message


def refused(**fields: Any) -> str:
    return refusal({"Version": "2012-10-17", "Statement": [statement(**fields)]})


def allowed(rules: Policy, who: PrincipalFacts, action: str = "s3:GetObject", key: str | None = "k") -> bool:
    return evaluate(rules, who, action, "b", key, {}) == "allow"


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["*"]}, {"anonymous": ["*"]}, {"anonymous": "*"}])
def test_everyone_is_spelt_in_several_ways(principal: Any) -> None:
    rules = policy(statement(Principal=principal))
    assert all(allowed(rules, who) for who in (ALICE, BOB, GUEST, NOBODY))


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "alice"},
        {"AWS": "id-alice"},
        {"AWS": "arn:aws:iam:::user/alice"},
        {"AWS": "arn:aws:iam::lab-o:user/alice"},
        {"AWS": ["arn:aws:iam::lab-o:user/path/alice"]},
        {"CanonicalUser": "id-alice"},
        {"user": ["alice"]},
        {"user": ["alice"], "group": []},
    ],
)
def test_a_person_is_spelt_in_several_ways(principal: Any) -> None:
    rules = policy(statement(Principal=principal))
    assert allowed(rules, ALICE)
    assert not any(allowed(rules, who) for who in (BOB, GUEST, NOBODY))


@pytest.mark.parametrize(
    "principal", [{"group": ["lab-o-members"]}, {"user": ["*"]}, {"user": "*"}, {"AWS": "arn:aws:iam::lab-o:root"}]
)
def test_all_members_are_spelt_in_several_ways_and_guests_are_not_among_them(principal: Any) -> None:
    rules = policy(statement(Principal=principal))
    assert allowed(rules, ALICE)
    assert allowed(rules, BOB)
    assert not any(allowed(rules, who) for who in (GUEST, NOBODY))


@pytest.mark.parametrize("principal", [{"group": ["pilots"]}, {"AWS": "arn:aws:iam::lab-o:group/pilots"}])
def test_a_group_reaches_those_in_it(principal: Any) -> None:
    rules = policy(statement(Principal=principal))
    assert allowed(rules, BOB)
    assert not allowed(rules, ALICE)


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "carol"},
        {"AWS": "arn:aws:iam::other-o:user/alice"},
        {"AWS": "arn:aws:iam::123456789012:root"},
        {"AWS": "arn:aws:iam:::root"},
        {"AWS": "arn:aws:iam:::role/alice"},
        {"AWS": "arn:aws:iam:::user/al*"},
        {"AWS": ["alice", ""]},
        {"AWS": []},
        {"AWS": 7},
        {"user": ["carol"]},
        {"user": [], "group": []},
        {"group": ["*"]},
        {"anonymous": ["alice"]},
        {"Service": "logging.s3.amazonaws.com"},
        {"Federated": "*"},
        {},
        [],
        ["*"],
        "alice",
        7,
    ],
)
def test_an_unknown_principal_is_refused(principal: Any) -> None:
    assert refused(Principal=principal).startswith("Invalid principal in policy: ")


@pytest.mark.parametrize(
    ("principal", "reason"),
    [
        ({"user": ["alice", "bbo"]}, "there is no member named bbo in this tenancy"),
        ({"AWS": "arn:aws:iam:::user/bbo"}, "there is no member named arn:aws:iam:::user/bbo in this tenancy"),
        ({"group": "pilotes"}, "there is no group named pilotes in this tenancy"),
        ({"Service": "logging"}, "Service of logging is not known here"),
        ({"user": []}, "it names nobody"),
        ({}, "it names nobody"),
        ("bob", 'bob is neither "*" nor an object that says whom'),
        ({"AWS": 7}, "7 is no string and no list of strings"),
    ],
)
def test_a_refusal_says_which_principal_is_wrong(principal: Any, reason: str) -> None:
    assert refused(Principal=principal) == f"Invalid principal in policy: {reason}"


def test_a_refusal_says_which_action_is_wrong() -> None:
    assert refused(Action=["s3:GetObject", "s3:GetObjects"]) == (
        "Policy has invalid action: s3:GetObjects is not an action of S3"
    )


def test_a_refusal_says_which_resource_is_wrong() -> None:
    assert refused(Resource=["arn:aws:s3:::b/*", "arn:aws:s3:::bb/*"]) == (
        "Policy has invalid resource: arn:aws:s3:::bb/* is not in the bucket b"
    )


def test_a_refusal_says_where_the_json_breaks() -> None:
    assert refusal('{\n  "Version": "2012-10-17",\n  "Id" "x"\n}') == (
        "Policies must be valid JSON and the first byte must be '{': not valid JSON at line 3 column 8:"
        " Expecting ':' delimiter"
    )


def test_a_refusal_repeats_little_of_the_document() -> None:
    assert len(refused(Principal={"user": "x" * 10_000})) < 400
    assert refused(Principal={"user": "\ud800\0"}).endswith('there is no member named "\\ud800\\u0000" in this tenancy')
    assert refused(Principal=[["x"]]).startswith("Invalid principal in policy: a list is neither")


def test_a_principal_is_kept_by_id_so_that_a_name_used_again_inherits_nothing() -> None:
    stored = to_json(policy(statement(Principal={"user": ["alice"]})))
    assert '"id-alice"' in stored
    assert '"alice"' not in stored
    assert not allowed(from_json(stored), PrincipalFacts("alice"))


def test_what_is_stored_evaluates_as_what_was_put() -> None:
    rules = policy(
        statement(Principal={"group": ["pilots"]}, Action=["s3:Get*"], Condition={"StringLike": {"s3:prefix": "a*"}}),
        statement(Effect="Deny", NotPrincipal={"AWS": "alice"}, Principal=None, NotAction="s3:GetObject", Action=None),
    )
    assert to_json(from_json(to_json(rules))) == to_json(rules)
    assert from_json(to_json(rules)) == rules


def test_a_stored_form_of_another_release_is_no_policy_at_all() -> None:
    with pytest.raises(ValueError):
        from_json('{"form":2,"statements":[]}')


def test_the_policy_that_the_seed_system_shows_is_taken_as_it_stands() -> None:
    rules = parse(
        """{ "Version":"2008-10-17", "Id":"testbin1 Policy", "Statement": [
          {"Sid":"1: Full access for Users", "Effect":"Allow", "Principal":{"user":["*"]}, "Action":["*"], "Resource":"*"},
          {"Sid":"2: Read-only access for Everyone", "Effect":"Allow", "Principal":{"anonymous":["*"]},
           "Action":["GetObject","GetBucketCORS"], "Resource":"*"} ] }""",
        "b",
        resolve,
    )
    assert allowed(rules, ALICE, "s3:PutObject")
    assert allowed(rules, ALICE, "s3:ListBucket", None)
    assert allowed(rules, NOBODY)
    assert allowed(rules, NOBODY, "s3:GetBucketCORS", None)
    assert not allowed(rules, NOBODY, "s3:ListBucket", None)


# The whole list of the seed system's portal.
PORTAL_ACTIONS = """ListBucket GetBucket DeleteBucket CopyBucket GetBucketAcl PutBucketAcl GetBucketCORS PutBucketCORS
GetBucketObjectLocking PutBucketObjectLocking GetObject PutObject DeleteObject CreateObject CopyObject AppendObject
GetObjectAcl PutObjectAcl GetObjectRetention PutObjectRetention PutObjectLegalHold BypassGovernanceRetention"""


@pytest.mark.parametrize("name", PORTAL_ACTIONS.split())
def test_every_action_of_the_seed_systems_portal_is_known(name: str) -> None:
    assert policy(statement(Action=[name], Resource="*"))


def test_the_dialect_maps_onto_s3s_own_actions() -> None:
    assert frozenset().union(*DIALECT.values()) <= ACTIONS
    rules = policy(statement(Action="CreateObject", Resource="/b/*"))
    assert allowed(rules, ALICE, "s3:PutObject")
    assert allowed(rules, ALICE, "s3:AbortMultipartUpload")
    assert not allowed(policy(statement(Action="s3:PutObject")), ALICE, "s3:AbortMultipartUpload")


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("s3:*", ACTIONS),
        ("*", ACTIONS),
        ("S3:getobject", {"s3:GetObject"}),
        ("s3:GetObjectVersionT*", {"s3:GetObjectVersionTagging", "s3:GetObjectVersionTorrent"}),
        ("s3:?etObject", {"s3:GetObject"}),
        ("ListBucket*", {"s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"}),
    ],
)
def test_actions_have_wildcards_and_no_case(action: str, expected: set[str]) -> None:
    rules = policy(statement(Action=action, Resource="*"))
    assert {one for one in ACTIONS if allowed(rules, ALICE, one, None)} == expected


def test_not_action_means_all_others() -> None:
    rules = policy(statement(Action=None, NotAction=["s3:Get*", "s3:List*"], Resource="*"))
    assert not allowed(rules, ALICE, "s3:GetObject")
    assert allowed(rules, ALICE, "s3:PutObject")


@pytest.mark.parametrize(
    "action", ["s3:GetObjekt", "iam:CreateUser", "s3:Frob*", "", [], [7], None, {"a": 1}, "s3:", "**:x"]
)
def test_an_action_that_names_nothing_is_refused(action: Any) -> None:
    message = refused(Action=action)
    assert message.startswith("Policy has invalid action: ") or message == "Missing required field Action"


@pytest.mark.parametrize(
    ("resource", "covered"),
    [
        ("arn:aws:s3:::b/*", {"k", "a/k"}),
        ("arn:aws:s3:::b", {None}),
        ("arn:aws:s3:::b*", {None, "k", "a/k"}),
        ("arn:aws:s3:::*", {None, "k", "a/k"}),
        ("arn:aws:s3:::*/*", {"k", "a/k"}),
        ("arn:aws-cn:s3:::b/a/*", {"a/k"}),
        ("arn:aws:s3:::?/?", {"k"}),
        (["arn:aws:s3:::b", "arn:aws:s3:::b/k"], {None, "k"}),
        ("*", {None, "k", "a/k"}),
        ("b/*", {"k", "a/k"}),
        ("/b/*", {"k", "a/k"}),
        ("/b", {None}),
        ("b/a/*", {"a/k"}),
    ],
)
def test_resources_are_arns_or_bare_paths_with_wildcards(resource: Any, covered: set[str | None]) -> None:
    rules = policy(statement(Resource=resource, Action="s3:*"))
    assert {key for key in (None, "k", "a/k") if allowed(rules, ALICE, "s3:GetObject", key)} == covered


def test_not_resource_means_all_others_in_the_bucket() -> None:
    rules = policy(statement(Resource=None, NotResource="arn:aws:s3:::b/a/*"))
    assert allowed(rules, ALICE, key="k")
    assert not allowed(rules, ALICE, key="a/k")


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:s3:::other/*",
        "arn:aws:s3:::bb",
        "arn:aws:s3:::",
        "arn:aws:s3::lab-o:b/*",
        "arn:aws:s3:eu:1:b/*",
        "arn:aws:iam:::b",
        "other/*",
        "/other",
        "/",
        "",
        [],
        ["arn:aws:s3:::b", "arn:aws:s3:::c"],
        "arn:aws:s3:::${aws:username}/*",
        7,
    ],
)
def test_a_resource_outside_the_bucket_is_refused(resource: Any) -> None:
    assert refused(Resource=resource).startswith("Policy has invalid resource: ")


@pytest.mark.parametrize(("action", "resource"), [("s3:ListBucket", "b/*"), ("s3:GetObject", "b")])
def test_an_action_that_concerns_none_of_its_resources_is_taken_and_grants_nothing(action: str, resource: str) -> None:
    rules = policy(statement(Action=action, Resource=resource))
    assert not allowed(rules, ALICE, "s3:ListBucket", None)
    assert not allowed(rules, ALICE, "s3:GetObject", "k")


def test_variables_mean_something_in_the_later_version_only() -> None:
    home = statement(Resource="arn:aws:s3:::b/${aws:username}/*")
    facts = {"aws:username": ["alice"]}
    assert evaluate(policy(home), ALICE, "s3:GetObject", "b", "alice/k", facts) == "allow"
    assert evaluate(policy(home, version="2008-10-17"), ALICE, "s3:GetObject", "b", "alice/k", facts) == "none"
    assert (
        evaluate(policy(home, version="2008-10-17"), ALICE, "s3:GetObject", "b", "${aws:username}/k", facts) == "allow"
    )


@pytest.mark.parametrize("resource", ["arn:aws:s3:::b/${aws:nonsense}/*", "arn:aws:s3:::b/${}"])
def test_an_unknown_variable_is_refused(resource: str) -> None:
    assert "variable" in refused(Resource=resource)


@pytest.mark.parametrize(
    "document",
    [
        "",
        " ",
        "[]",
        "null",
        "{",
        '{"Version": NaN}',
        b"\xff\xfe{",
        "[" * 20_000,
        '{"a":' * 4_000,
        '{"Statement": ' + "9" * 10_000 + "}",
    ],
)
def test_what_is_no_json_object_is_refused(document: str | bytes) -> None:
    assert refusal(document).startswith("Policies must be valid JSON and the first byte must be '{'")


def test_a_document_has_at_most_twenty_kibibytes() -> None:
    body = json.dumps({"Statement": [statement()]})
    assert parse(body + " " * (20 * 1024 - len(body)), "b", resolve)
    assert "20480" in refusal(body + " " * (20 * 1024 - len(body) + 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Effect": None}, "Missing required field Effect"),
        ({"Effect": "allow"}, "Invalid effect: allow"),
        ({"Effect": ["Allow"]}, "Invalid effect: a list"),
        ({"Principal": None}, "Missing required field Principal"),
        ({"Action": None}, "Missing required field Action"),
        ({"Resource": None}, "Missing required field Resource"),
        ({"NotAction": "s3:*"}, "Action and NotAction exclude each other"),
        ({"Principal": None, "NotPrincipal": {"AWS": "alice"}}, "Allow with NotPrincipal is not supported"),
        ({"Resources": "*"}, "Unknown field Resources"),
        ({"Sid": 7}, "Invalid policy syntax."),
        ({"Condition": []}, "Invalid policy syntax."),
        ({"Condition": {"StringEquals": "x"}}, "Invalid Condition type : StringEquals"),
        ({"Condition": {"StringEquals": {"s3:prefix": {}}}}, "Invalid policy syntax."),
        ({"Condition": {"StringEquals": {"s3:prefix": None}}}, "Invalid policy syntax."),
    ],
)
def test_a_statement_that_is_not_whole_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    assert refused(**change) == message


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "Missing required field Statement"),
        ({"Statement": []}, "Could not parse the policy: Statement is empty!"),
        ({"Statement": "x"}, "Invalid policy syntax."),
        ({"Statement": ["x"]}, "Invalid policy syntax."),
        ({"Version": "2024-01-01", "Statement": [statement()]}, "The policy must contain a valid version string"),
        ({"Id": 1, "Statement": [statement()]}, "Invalid policy syntax."),
        ({"Statements": [statement()]}, "Unknown field Statements"),
    ],
)
def test_a_document_that_is_not_whole_is_refused_by_name(document: dict[str, Any], message: str) -> None:
    assert refusal(document) == message


def test_a_doubled_field_is_refused() -> None:
    text = json.dumps({"Statement": statement()}).replace('"Effect": "Allow"', '"Effect": "Deny", "Effect": "Allow"')
    assert refusal(text) == "A field occurs twice in the policy"


def test_version_and_sid_may_be_missing_and_one_statement_needs_no_list() -> None:
    assert allowed(parse(json.dumps({"Statement": statement()}), "b", resolve), NOBODY)
