"""Policy documents as people and tools write them, in AWS's form or the seed system's dialect, read into compiled form.

The dialect is Swarm's, as the seed system's portal and its users' scripts write it: Principal with `user`, `group` and
`anonymous`, action names without `s3:`, resources without an ARN. Both may stand in one document.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final, Literal, NoReturn, TypeAlias

from holdfast.s3.codes import S3Error
from holdfast.s3.policy.actions import expand
from holdfast.s3.policy.conditions import compile_condition
from holdfast.s3.policy.evaluation import COMPILED_FORM, Policy, from_json
from holdfast.s3.policy.wildcards import Wild, matcher, tokenize

DOCUMENT_BYTES_MAX: Final = 20 * 1024
"""Bucket policies are limited to 20 KB: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html"""
PLAIN_VERSION: Final = "2008-10-17"
"""Meant when a document names no version. Variables mean nothing in it."""
VARIABLES_VERSION: Final = "2012-10-17"

PrincipalKind: TypeAlias = Literal["user", "group", "members"]
Resolve: TypeAlias = Callable[[PrincipalKind, str], str | None]
"""Find a principal's id in this tenancy: "user" for a name or an id, "group" for a name, and "members", for `*` or the
tenancy's own name, the built-in group of everybody but guests. None for whoever is unknown here."""

_DOCUMENT_FIELDS: Final = frozenset(("Version", "Id", "Statement"))
_STATEMENT_FIELDS: Final = frozenset(
    (
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
    )
)  # fmt: skip
_BUCKET_ARN: Final = re.compile(r"arn:aws[a-z-]*:s3:::(.+)", re.DOTALL)
_PRINCIPAL_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::([^:]*):(?:(root)|(user|group)/(?:[^:]*/)?([^:/]+))")

_NOT_JSON: Final = "Policies must be valid JSON and the first byte must be '{'"
_INVALID_PRINCIPAL: Final = "Invalid principal in policy"
_INVALID_ACTION: Final = "Policy has invalid action"
_INVALID_RESOURCE: Final = "Policy has invalid resource"
_QUOTED_MAX: Final = 200
"""Characters of a document that a refusal repeats."""


def parse(document: bytes | str, bucket: str, resolve: Resolve) -> Policy:
    """Read the policy that is put on a bucket.

    Raises MalformedPolicy for whatever cannot be honoured to the letter: broken or oversized JSON, doubled or unknown
    fields, unknown principals, actions or condition keys, resources outside the bucket.
    """
    fields = _load(document)
    _only(fields, _DOCUMENT_FIELDS)
    version = fields.get("Version", PLAIN_VERSION)
    if version not in (PLAIN_VERSION, VARIABLES_VERSION):
        raise _malformed("The policy must contain a valid version string")
    if not isinstance(fields.get("Id", ""), str):
        raise _malformed("Invalid policy syntax.")
    if "Statement" not in fields:
        raise _malformed("Missing required field Statement")
    statements = fields["Statement"]
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list):
        raise _malformed("Invalid policy syntax.")
    if not statements:
        raise _malformed("Could not parse the policy: Statement is empty!")
    variables = version == VARIABLES_VERSION
    compiled = [_statement(statement, bucket, resolve, variables) for statement in statements]
    source = json.dumps({"form": COMPILED_FORM, "statements": compiled}, separators=(",", ":"), ensure_ascii=False)
    try:
        # What is evaluated is read from what is stored, from the first request on.
        return from_json(source)
    except ValueError as error:
        raise _malformed(str(error)) from error


def _malformed(message: str, reason: str = "") -> S3Error:
    """Return the refusal: AWS's sentence, which clients know, and what exactly is wrong here."""
    return S3Error("MalformedPolicy", f"{message}: {reason}" if reason else message)


def _quoted(value: Any) -> str:
    """Return what the document says, as a sentence of ours may repeat it: short, and of printable characters."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = value if isinstance(value, str) else json.dumps(value)
    text = text if len(text) <= _QUOTED_MAX else f"{text[:_QUOTED_MAX]}…"
    return text if text.isprintable() and text else json.dumps(text)


def _load(document: bytes | str) -> dict[str, Any]:
    try:
        text = document.decode() if isinstance(document, bytes) else document
        size_bytes = len(document) if isinstance(document, bytes) else len(document.encode())
    except UnicodeError as error:
        raise _malformed(_NOT_JSON) from error
    if size_bytes > DOCUMENT_BYTES_MAX:
        raise _malformed(f"Policies have at most {DOCUMENT_BYTES_MAX} bytes")
    try:
        fields = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise _malformed(_NOT_JSON, f"not valid JSON at {place}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise _malformed(_NOT_JSON) from error
    if not isinstance(fields, dict):
        raise _malformed(_NOT_JSON)
    return fields


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        # Two readers of {"Effect": "Deny", "Effect": "Allow"} would disagree.
        raise _malformed("A field occurs twice in the policy")
    return fields


def _no_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _only(fields: dict[str, Any], known: frozenset[str]) -> None:
    for field in fields:
        if field not in known:
            raise _malformed(f"Unknown field {_quoted(field)}")


def _statement(fields: Any, bucket: str, resolve: Resolve, variables: bool) -> dict[str, Any]:
    if not isinstance(fields, dict):
        raise _malformed("Invalid policy syntax.")
    _only(fields, _STATEMENT_FIELDS)
    if not isinstance(fields.get("Sid", ""), str):
        raise _malformed("Invalid policy syntax.")
    effect = fields.get("Effect")
    if effect is None:
        raise _malformed("Missing required field Effect")
    if effect not in ("Allow", "Deny"):
        raise _malformed(f"Invalid effect: {_quoted(effect)}")
    principals, but_principals = _one_of(fields, "Principal")
    if but_principals and effect == "Allow":
        # Whoever is forgotten would be granted everything; AWS does not take it either.
        raise _malformed("Allow with NotPrincipal is not supported")
    actions, but_actions = _one_of(fields, "Action")
    resources, but_resources = _one_of(fields, "Resource")
    everyone, users, groups = _principals(principals, resolve)
    return {
        "allows": effect == "Allow",
        "everyone": everyone,
        "users": sorted(users),
        "groups": sorted(groups),
        "but_principals": but_principals,
        "actions": _actions(actions),
        "but_actions": but_actions,
        "resources": [_resource(pattern, bucket, variables) for pattern in _strings(resources, _INVALID_RESOURCE)],
        "but_resources": but_resources,
        "conditions": _conditions(fields.get("Condition", {}), variables),
        "variables": variables,
    }


def _one_of(fields: dict[str, Any], name: str) -> tuple[Any, bool]:
    """The value of a field or of its Not… twin, and whether it was the twin."""
    if name in fields and f"Not{name}" in fields:
        raise _malformed(f"{name} and Not{name} exclude each other")
    if f"Not{name}" in fields:
        return fields[f"Not{name}"], True
    if name not in fields:
        raise _malformed(f"Missing required field {name}")
    return fields[name], False


def _strings(value: Any, complaint: str) -> list[str]:
    """One string or a list of some, none empty."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(text, str) and text for text in values):
        raise _malformed(complaint, f"{_quoted(value)} is no string and no list of strings")
    return values


def _actions(value: Any) -> list[str]:
    patterns = _strings(value, _INVALID_ACTION)
    for pattern in patterns:
        try:
            expand((pattern,))
        except ValueError as error:
            raise _malformed(_INVALID_ACTION, f"{_quoted(pattern)} is not an action of S3") from error
    return patterns


def _principals(value: Any, resolve: Resolve) -> tuple[bool, set[str], set[str]]:
    """Whether everyone is meant, and the ids of the users and groups that are."""
    if value == "*":
        return True, set(), set()
    if not isinstance(value, dict):
        raise _malformed(_INVALID_PRINCIPAL, f'{_quoted(value)} is neither "*" nor an object that says whom')
    everyone = False
    users: set[str] = set()
    groups: set[str] = set()
    named_count = 0
    for kind, names in value.items():
        # The portal of the seed system writes {"user": ["alice"], "group": []}.
        if names == [] and kind in ("user", "group"):
            continue
        for name in _strings(names, _INVALID_PRINCIPAL):
            named_count += 1
            found: str | None
            if kind in ("AWS", "anonymous") and name == "*":
                everyone = True
            elif kind == "user" and name == "*":
                groups.add(_known(resolve("members", "*"), "member", name))
            elif kind == "user" or kind == "CanonicalUser":
                users.add(_known(resolve("user", name), "member", name))
            elif kind == "group":
                groups.add(_known(resolve("group", name), "group", name))
            elif kind == "AWS":
                is_group, found = _aws_principal(name, resolve)
                (groups if is_group else users).add(_known(found, "group" if is_group else "member", name))
            else:
                raise _malformed(_INVALID_PRINCIPAL, f"{_quoted(kind)} of {_quoted(name)} is not known here")
    if not named_count:
        raise _malformed(_INVALID_PRINCIPAL, "it names nobody")
    return everyone, users, groups


def _aws_principal(name: str, resolve: Resolve) -> tuple[bool, str | None]:
    """Whether an entry of {"AWS": …} is a group, and its id: a user's ARN, the root of the tenancy, a name or an id."""
    if not name.startswith("arn:"):
        return False, resolve("user", name)
    match = _PRINCIPAL_ARN.fullmatch(name)
    if match is None:
        return False, None
    account, root, kind, entity = match.groups()
    if account:
        members = resolve("members", account)
        if members is None:
            return False, None  # another tenancy's people are nobody here
        if root:
            return True, members
    if kind == "group":
        return True, resolve("group", entity)
    return False, resolve("user", entity) if entity else None


def _known(principal_id: str | None, kind: str, name: str) -> str:
    if principal_id is None:
        # The same for who belongs to another tenancy and who belongs to none.
        raise _malformed(_INVALID_PRINCIPAL, f"there is no {kind} named {_quoted(name)} in this tenancy")
    return principal_id


def _resource(pattern: str, bucket: str, variables: bool) -> str:
    """The pattern without its ARN, checked to lie in the bucket."""
    outside = f"{_quoted(pattern)} is not in the bucket {bucket}"
    match = _BUCKET_ARN.fullmatch(pattern)
    if match is not None:
        pattern = match.group(1)
    elif pattern.startswith("arn:"):
        raise _malformed(_INVALID_RESOURCE, outside)
    else:
        pattern = pattern.removeprefix("/")
    try:
        tokens = tokenize(pattern.partition("/")[0], wildcards=True, variables=variables)
    except ValueError as error:
        raise _malformed(_INVALID_RESOURCE, f"{_quoted(pattern)}: {error}") from error
    if not all(isinstance(token, str | Wild) for token in tokens) or not matcher(tokens)(bucket):
        raise _malformed(_INVALID_RESOURCE, outside)
    return pattern


def _conditions(value: Any, variables: bool) -> list[list[Any]]:
    if not isinstance(value, dict):
        raise _malformed("Invalid policy syntax.")
    conditions: list[list[Any]] = []
    for operator, keys in value.items():
        if not isinstance(keys, dict) or not keys:
            raise _malformed(f"Invalid Condition type : {_quoted(operator)}")
        for key, wanted in keys.items():
            values = [_scalar(item) for item in (wanted if isinstance(wanted, list) else [wanted])]
            try:
                compile_condition(operator, key, values, variables=variables)
            except ValueError as error:
                raise _malformed(str(error)) from error
            conditions.append([operator, key, values])
    return conditions


def _scalar(value: Any) -> str:
    """The text of a condition's value; JSON's numbers and booleans are taken too, as AWS does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise _malformed("Invalid policy syntax.")
    return value
