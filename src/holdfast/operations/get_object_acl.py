"""GetObjectAcl: the full control of the bucket's owner, whoever wrote the object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.s3.shapes import Label, Query, Route

from .acls import Acl, owners_acl
from .context import Context
from .operation import Operation
from .reading import get_version


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    version_id: Annotated[str | None, Query("versionId")] = None


def run(context: Context, request: Request) -> Acl:
    """Return the list. Who else may read the object is said by the bucket's policy."""
    action = "s3:GetObjectAcl" if request.version_id is None else "s3:GetObjectVersionAcl"
    bucket = context.authorised(action, request.bucket, request.key)
    get_version(context, bucket, request.key, request.version_id)
    return owners_acl(context, bucket.owner_id)


operation = Operation(
    name="GetObjectAcl",
    route=Route("GET", "key", query=("acl",)),
    permission="s3:GetObjectAcl",
    request=Request,
    response=Acl,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAcl.html",
)
