"""Sharing a bucket with one member: one statement of its policy, known by its Sid, which is put or taken away."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

_VERSION: Final = "2012-10-17"
Reach = Literal["read", "write", "none"]

_READ: Final = ("s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectAttributes", "s3:ListBucket")
_WRITE: Final = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject")
_ACTIONS: Final = {"read": _READ, "write": tuple(sorted((*_READ, *_WRITE)))}


def sid_of(user_name: str) -> str:
    """Return what the statement about one member is called."""
    return f"member-{user_name}"


def with_member(document: str, bucket: str, user_name: str, reach: Reach) -> str:
    """Return a bucket's policy with what one member may by it in the place of what it said of them under this Sid.

    Every other statement stays as it is, whoever wrote it. Empty where nothing is left: no policy. `document` is one
    that was accepted, or empty.
    """
    fields: dict[str, Any] = json.loads(document) if document else {"Version": _VERSION, "Statement": []}
    said = fields["Statement"]
    statements = [each for each in (said if isinstance(said, list) else [said]) if each.get("Sid") != sid_of(user_name)]
    if reach != "none":
        statements.append(
            {
                "Sid": sid_of(user_name),
                "Effect": "Allow",
                "Principal": {"user": [user_name]},
                "Action": list(_ACTIONS[reach]),
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
            }
        )
    return json.dumps({**fields, "Statement": statements}, indent=2) if statements else ""
