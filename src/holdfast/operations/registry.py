"""Every operation there is. Routing, the reference page, the metrics' labels and the permission list are made from this tuple."""

from __future__ import annotations

from typing import Any, Final

from . import (
    create_bucket,
    delete_bucket,
    delete_object,
    get_bucket_location,
    get_object,
    head_bucket,
    head_object,
    list_buckets,
    list_objects,
    list_objects_v2,
    put_object,
)
from .operation import Operation

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (
    create_bucket.operation,
    delete_bucket.operation,
    delete_object.operation,
    get_bucket_location.operation,
    get_object.operation,
    head_bucket.operation,
    head_object.operation,
    list_buckets.operation,
    list_objects.operation,
    list_objects_v2.operation,
    put_object.operation,
)
