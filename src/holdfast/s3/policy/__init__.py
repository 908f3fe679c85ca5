"""The bucket policy language: read a document, keep its compiled form, ask it at each request.

`document` reads what people put, `evaluation` judges requests by the compiled form, `actions`, `conditions` and
`wildcards` are the vocabulary of both.
"""

from __future__ import annotations

from holdfast.s3.policy.actions import ACTIONS, BUCKET_ACTIONS, DIALECT, OBJECT_ACTIONS, SERVICE_ACTIONS
from holdfast.s3.policy.conditions import CONDITION_KEYS, TAG_KEYS
from holdfast.s3.policy.document import DOCUMENT_BYTES_MAX, PrincipalKind, Resolve, parse
from holdfast.s3.policy.evaluation import (
    ANONYMOUS,
    Policy,
    PrincipalFacts,
    Statement,
    Verdict,
    evaluate,
    fact_keys,
    from_json,
    is_public,
    to_json,
)
from holdfast.s3.policy.wildcards import Facts

__all__ = [
    "parse", "DOCUMENT_BYTES_MAX", "PrincipalKind", "Resolve",
    "evaluate", "fact_keys", "is_public", "from_json", "to_json",
    "Policy", "Statement", "PrincipalFacts", "ANONYMOUS", "Verdict", "Facts",
    "ACTIONS", "SERVICE_ACTIONS", "BUCKET_ACTIONS", "OBJECT_ACTIONS", "DIALECT", "CONDITION_KEYS", "TAG_KEYS",
]  # fmt: skip
