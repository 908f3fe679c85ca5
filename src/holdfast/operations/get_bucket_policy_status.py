"""GetBucketPolicyStatus: whether a bucket's policy opens it to everyone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.auth.policies import find_policy
from holdfast.s3.policy import is_public
from holdfast.s3.shapes import Element, Label, Route

from .context import Context
from .get_bucket_policy import no_policy
from .operation import Operation


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]


@dataclass(frozen=True, slots=True)
class Response:
    root: ClassVar[str] = "PolicyStatus"

    is_public: Annotated[bool, Element("IsPublic")]


def run(context: Context, request: Request) -> Response:
    """Judge the policy as AWS does. Raises NoSuchBucketPolicy, as AWS does too; Ceph's suite expects `false` there."""
    bucket = context.authorised("s3:GetBucketPolicyStatus", request.bucket)
    policy = find_policy(bucket)
    if policy is None:
        raise no_policy(bucket)
    return Response(is_public(policy))


operation = Operation(
    name="GetBucketPolicyStatus",
    route=Route("GET", "bucket", query=("policyStatus",)),
    permission="s3:GetBucketPolicyStatus",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicyStatus.html",
)
