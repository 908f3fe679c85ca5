"""A bucket's policy in plain words, statement by statement, from its compiled form: what is in force, not what was
typed. A name in the document may belong to somebody else by now; the id behind it does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from holdfast.auth.policies import members_group_id
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import BucketRow
from holdfast.portal.people.lookups import names_by_principal
from holdfast.s3.policy import ACTIONS
from holdfast.s3.policy.actions import expand

ACTIONS_NAMED_MAX: Final = 6
"""Actions without words of their own that a sentence names; the document names the rest."""

_ACTS: Final = (
    ("list what is in it", ("s3:ListBucket",)),
    ("download objects", ("s3:GetObject",)),
    ("add and replace objects", ("s3:PutObject",)),
    ("delete objects", ("s3:DeleteObject",)),
    ("read tags", ("s3:GetObjectTagging",)),
    ("change tags", ("s3:PutObjectTagging", "s3:DeleteObjectTagging")),
    ("see unfinished uploads", ("s3:ListBucketMultipartUploads",)),
)
# What goes along with these without saying: nobody would look for it in a sentence.
_ALONG: Final[Mapping[str, frozenset[str]]] = {
    "s3:ListBucket": frozenset(("s3:ListBucketVersions", "s3:GetBucketLocation", "s3:GetBucketVersioning")),
    "s3:GetObject": frozenset(
        action for action in ACTIONS if action.startswith("s3:GetObject") and not action.endswith("Tagging")
    ),
    "s3:GetObjectTagging": frozenset(("s3:GetObjectVersionTagging",)),
    "s3:PutObject": frozenset(("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:GetBucketLocation")),
    "s3:DeleteObject": frozenset(("s3:DeleteObjectVersion",)),
    "s3:PutObjectTagging": frozenset(("s3:PutObjectVersionTagging", "s3:DeleteObjectVersionTagging")),
}
_COMPARISONS: Final[Mapping[str, str]] = {
    "ipaddress": "is in",
    "notipaddress": "is not in",
    "stringequals": "is",
    "stringnotequals": "is not",
    "stringlike": "is like",
    "stringnotlike": "is not like",
    "bool": "is",
    "null": "is absent:",
    "numericlessthanequals": "is at most",
    "numericgreaterthanequals": "is at least",
    "numericlessthan": "is less than",
    "numericgreaterthan": "is more than",
    "datelessthan": "is before",
    "dategreaterthan": "is after",
}
_KEYS: Final[Mapping[str, str]] = {
    "aws:sourceip": "the client's address",
    "aws:securetransport": "https",
    "aws:useragent": "the client's program",
    "aws:referer": "the page that links to it",
    "aws:currenttime": "the time",
    "aws:username": "the user's name",
    "s3:prefix": "the prefix that is listed",
    "s3:delimiter": "the delimiter of the list",
    "s3:max-keys": "the length of the list",
}


class Sentence(NamedTuple):
    """One statement of a policy."""

    allows: bool
    who: str
    what: str
    where: str
    conditions: Sequence[str]
    """Each has to hold."""


def sentences_of(rows: Snapshot, bucket: BucketRow, tenancy_name: str) -> Sequence[Sentence]:
    """Return what a bucket's policy says, the denies first, as they are asked first."""
    if not bucket.compiled_policy:
        return ()
    statements = json.loads(bucket.compiled_policy)["statements"]
    names = names_by_principal(rows, {user for statement in statements for user in statement["users"]})
    said = [_sentence(statement, bucket, names, tenancy_name) for statement in statements]
    return sorted(said, key=lambda sentence: sentence.allows)


def _sentence(fields: Mapping[str, Any], bucket: BucketRow, names: Mapping[str, str], tenancy_name: str) -> Sentence:
    return Sentence(
        fields["allows"],
        _who(fields, bucket, names, tenancy_name),
        _what(fields),
        _where(fields, bucket.name),
        [_condition(*condition) for condition in fields["conditions"]],
    )


def _who(fields: Mapping[str, Any], bucket: BucketRow, names: Mapping[str, str], tenancy_name: str) -> str:
    found = ["anyone on the internet"] if fields["everyone"] else []
    members_id = members_group_id(bucket.tenancy_id)
    found += [
        f"all members of {tenancy_name} but guests" if group == members_id else f"the group {group}"
        for group in fields["groups"]
    ]
    found += sorted(names.get(user, f"somebody who is gone ({user})") for user in fields["users"])
    text = joined(found)
    return f"everybody except {text}" if fields["but_principals"] else text


def _what(fields: Mapping[str, Any]) -> str:
    actions = expand(fields["actions"])
    if fields["but_actions"]:
        actions = ACTIONS - actions
    if actions == ACTIONS:
        return "do everything that a policy can give"
    left = set(actions)
    words = []
    for phrase, needed in _ACTS:
        if actions.issuperset(needed):
            words.append(phrase)
            left.difference_update(needed)
            for action in needed:
                left -= _ALONG.get(action, frozenset())
    named = sorted(action.removeprefix("s3:") for action in left)
    words += named[:ACTIONS_NAMED_MAX]
    if len(named) > ACTIONS_NAMED_MAX:
        words.append(f"{len(named) - ACTIONS_NAMED_MAX} further actions")
    return joined(words)


def _where(fields: Mapping[str, Any], bucket: str) -> str:
    patterns = {pattern.removeprefix(bucket) for pattern in fields["resources"]}
    if "/*" in patterns or "*" in patterns:
        places = ["the whole bucket"]
    else:
        places = ["the bucket itself"] if "" in patterns else []
        places += [_place(pattern) for pattern in sorted(patterns - {""})]
    text = joined(places)
    return f"everything except {text}" if fields["but_resources"] else text


def _place(pattern: str) -> str:
    stem = pattern.removeprefix("/")
    if stem.endswith("*") and not set("*?$").intersection(stem[:-1]):
        return f"objects whose names begin with {stem[:-1]}"
    if set("*?$").intersection(stem):
        return f"objects whose names are like {stem}"
    return f"the object {stem}"


def _condition(operator: str, key: str, values: Sequence[str]) -> str:
    base = operator.lower().rpartition(":")[2]
    optional = base.endswith("ifexists")
    comparison = _COMPARISONS.get(base.removesuffix("ifexists"))
    subject = _KEYS.get(key.lower(), key)
    if base.startswith("bool") and key.lower() == "aws:securetransport":
        return "over https" if [value.lower() for value in values] == ["true"] else "not over https"
    if comparison is None or ":" in operator:
        return f"{operator} {key}: {', '.join(values)}"
    return f"{subject} {comparison} {joined(values, 'or')}{', where it is known' if optional else ''}"


def joined(words: Sequence[str], conjunction: str = "and") -> str:
    """Return words as a sentence lists them: `a, b and c`."""
    *head, last = words or ["nothing"]
    return f"{', '.join(head)} {conjunction} {last}" if head else last
