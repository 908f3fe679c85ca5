"""Every operation there is. Routing, the reference page, the metrics' labels and the permission list are made from this tuple."""

from __future__ import annotations

from typing import Any, Final

from . import (
    abort_multipart_upload,
    complete_multipart_upload,
    copy_object,
    create_bucket,
    create_multipart_upload,
    delete_bucket,
    delete_object,
    delete_objects,
    get_bucket_location,
    get_object,
    get_object_attributes,
    head_bucket,
    head_object,
    list_buckets,
    list_multipart_uploads,
    list_objects,
    list_objects_v2,
    list_parts,
    put_object,
    upload_part,
    upload_part_copy,
)
from .operation import Operation

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (
    abort_multipart_upload.operation,
    complete_multipart_upload.operation,
    copy_object.operation,
    create_bucket.operation,
    create_multipart_upload.operation,
    delete_bucket.operation,
    delete_object.operation,
    delete_objects.operation,
    get_bucket_location.operation,
    get_object.operation,
    get_object_attributes.operation,
    head_bucket.operation,
    head_object.operation,
    list_buckets.operation,
    list_multipart_uploads.operation,
    list_objects.operation,
    list_objects_v2.operation,
    list_parts.operation,
    put_object.operation,
    upload_part.operation,
    upload_part_copy.operation,
)
