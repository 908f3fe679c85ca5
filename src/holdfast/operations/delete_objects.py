"""DeleteObjects: up to 1,000 keys in one request, each authorised and removed on its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from holdfast.s3 import names
from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import Document, Element, Label, Route
from holdfast.store import versions
from holdfast.store.errors import StoreError
from holdfast.store.receipt import Receipt

from . import preconditions
from .context import Context
from .errors import to_s3
from .facts import version_facts
from .operation import Operation
from .reading import check_version_id

KEYS_MAX: Final = 1000  # API_DeleteObjects


@dataclass(frozen=True, slots=True)
class Target:
    key: Annotated[str, Element("Key")]
    version_id: Annotated[str | None, Element("VersionId")] = None
    etag: Annotated[str | None, Element("ETag")] = None
    last_modified_time: Annotated[str | None, Element("LastModifiedTime")] = None
    size: Annotated[int | None, Element("Size")] = None


@dataclass(frozen=True, slots=True)
class Delete:
    objects: Annotated[tuple[Target, ...], Element("Object")] = ()
    quiet: Annotated[bool, Element("Quiet")] = False


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    delete: Annotated[Delete, Document("Delete")]


@dataclass(frozen=True, slots=True)
class Deleted:
    key: Annotated[str, Element("Key")]
    version_id: Annotated[str | None, Element("VersionId")] = None


@dataclass(frozen=True, slots=True)
class Failed:
    key: Annotated[str, Element("Key")]
    version_id: Annotated[str | None, Element("VersionId")]
    code: Annotated[str, Element("Code")]
    message: Annotated[str, Element("Message")]


@dataclass(frozen=True, slots=True)
class Response:
    root: ClassVar[str] = "DeleteResult"

    deleted: Annotated[tuple[Deleted, ...], Element("Deleted")]
    failed: Annotated[tuple[Failed, ...], Element("Error")]


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Remove what may be removed and say of each other key why not. A key that is not there counts as deleted.

    What refuses an entry is raised before the entry changes a row, so that each is all or nothing. Passes at a full
    quota.
    """
    targets = request.delete.objects
    if not targets or len(targets) > KEYS_MAX:
        raise S3Error("MalformedXML", f"The request names {len(targets)} keys. Name 1 to {KEYS_MAX}.")
    context.find_bucket("s3:DeleteObject", request.bucket)
    deleted: list[Deleted] = []
    failed: list[Failed] = []
    for target in targets:
        try:
            _delete(context, request.bucket, target)
        except StoreError as error:
            refusal = to_s3(error)
            failed.append(Failed(target.key, target.version_id, refusal.code, refusal.message))
        except S3Error as refusal:
            failed.append(Failed(target.key, target.version_id, refusal.code, refusal.message))
        else:
            deleted.append(Deleted(target.key, target.version_id))
    return Response(() if request.delete.quiet else tuple(deleted), tuple(failed))


def _delete(context: Context, bucket_name: str, target: Target) -> None:
    names.check_key(target.key)
    action = "s3:DeleteObject" if target.version_id is None else "s3:DeleteObjectVersion"
    bucket = context.authorised(action, bucket_name, target.key, version_facts(target.version_id))
    check_version_id(target.version_id)
    condition = preconditions.delete_condition(
        bucket_name, target.key, target.etag, target.last_modified_time, target.size
    )
    if target.version_id in (None, versions.NULL_VERSION):
        versions.remove(
            context.changes, context.tenancy, bucket, target.key, now_us=context.now_us, condition=condition
        )


operation = Operation(
    name="DeleteObjects",
    route=Route("POST", "bucket", query=("delete",)),
    permission="s3:DeleteObject",
    request=Request,
    response=Response,
    commit=commit,
    body="document",
    is_entrywise=True,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html",
)
