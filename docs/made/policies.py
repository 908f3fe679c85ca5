"""The vocabulary of bucket policies: actions, condition keys and operators."""

from __future__ import annotations

from typing import Final

from holdfast.s3.policy import BUCKET_ACTIONS, CONDITION_KEYS, DIALECT, OBJECT_ACTIONS, SERVICE_ACTIONS, TAG_KEYS

from .markdown import code, codes, table

OPERATORS: Final = {
    "strings": (
        "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike",
        "StringNotLike",
    ),
    "ARNs": ("ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"),
    "numbers": (
        "NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan",
        "NumericGreaterThanEquals",
    ),
    "dates": (
        "DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals",
    ),
    "true or false": ("Bool",),
    "addresses": ("IpAddress", "NotIpAddress"),
    "absence": ("Null",),
}  # fmt: skip
"""As AWS spells them; the code knows them in any case, so that a test compares without it."""


def actions() -> str:
    """Return every action, by what it is asked of."""
    kinds = (("a tenancy", SERVICE_ACTIONS), ("a bucket", BUCKET_ACTIONS), ("an object", OBJECT_ACTIONS))
    return table(("asked of", "actions"), [(kind, codes(sorted(names))) for kind, names in kinds])


def dialect() -> str:
    """Return the bare names that do not simply lack their `s3:`."""
    return table(
        ("bare name", "means"), [(code(name), codes(sorted(found))) for name, found in sorted(DIALECT.items())]
    )


def condition_keys() -> str:
    """Return the keys that conditions may ask for, with the families of operators that may."""
    rows = [(code(key), codes(f"{family}…" for family in kind.value)) for key, kind in sorted(CONDITION_KEYS.items())]
    rows += [(code(f"{key}KEY"), code("String…")) for key in TAG_KEYS]
    return table(("condition key", "operators"), rows)


def operators() -> str:
    """Return the operators."""
    return table(("compares", "operators"), [(kind, codes(names)) for kind, names in OPERATORS.items()])
