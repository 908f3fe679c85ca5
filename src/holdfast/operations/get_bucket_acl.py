"""GetBucketAcl: the owner's full control, whatever the bucket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.s3.shapes import Label, Route

from .acls import Acl, owners_acl
from .context import Context
from .operation import Operation


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]


def run(context: Context, request: Request) -> Acl:
    """Return the list. Who else may use the bucket is said by its policy."""
    bucket = context.authorised("s3:GetBucketAcl", request.bucket)
    return owners_acl(context, bucket.owner_id)


operation = Operation(
    name="GetBucketAcl",
    route=Route("GET", "bucket", query=("acl",)),
    permission="s3:GetBucketAcl",
    request=Request,
    response=Acl,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketAcl.html",
)
