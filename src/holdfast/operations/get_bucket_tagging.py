"""GetBucketTagging: the tags of a bucket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import Element, Label, Route

from .context import Context
from .operation import Operation
from .tag_sets import TagEntry, entries


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]


@dataclass(frozen=True, slots=True)
class Response:
    root: ClassVar[str] = "Tagging"

    tags: Annotated[tuple[TagEntry, ...], Element("Tag", wrapper="TagSet")]


def run(context: Context, request: Request) -> Response:
    """Return the tags by key. Raises NoSuchTagSet where there are none, unlike the same read of an object."""
    bucket = context.authorised("s3:GetBucketTagging", request.bucket)
    if not bucket.tags:
        raise S3Error("NoSuchTagSet", "The TagSet does not exist", details={"BucketName": bucket.name})
    return Response(entries(bucket.tags))


operation = Operation(
    name="GetBucketTagging",
    route=Route("GET", "bucket", query=("tagging",)),
    permission="s3:GetBucketTagging",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketTagging.html",
)
