"""Which checksum a multipart upload keeps, and how the parts' make the object's.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html#ChecksumTypes
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, cast

from holdfast.s3 import checksums
from holdfast.s3.codes import S3Error

DEFAULT_ALGORITHM: Final = "CRC64NVME"
"""Of an upload that names none."""
FULL_OBJECT_ALGORITHMS: Final = frozenset(("CRC32", "CRC32C", "CRC64NVME"))
"""Those whose checksum of the whole follows from the parts'."""
_FULL_ONLY: Final = frozenset(("CRC64NVME",))
_COMPOSITE_ONLY: Final = frozenset(("SHA1", "SHA256"))


class Kind(NamedTuple):
    """What an upload was begun with: `CRC32` and `COMPOSITE`."""

    algorithm: str
    type: str


def choose_kind(algorithm: str | None, type_: str | None) -> Kind | None:
    """Return the kind that an upload's headers ask for; None when they ask for none. Raises `InvalidRequest`."""
    if algorithm is None:
        if type_ is not None:
            raise S3Error(
                "InvalidRequest",
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            )
        return None
    name = checksums.read_algorithm(algorithm)
    chosen = (type_ or ("FULL_OBJECT" if name in _FULL_ONLY else "COMPOSITE")).upper()
    if chosen not in ("COMPOSITE", "FULL_OBJECT"):
        raise S3Error("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")
    if (chosen == "COMPOSITE" and name in _FULL_ONLY) or (chosen == "FULL_OBJECT" and name in _COMPOSITE_ONLY):
        raise S3Error(
            "InvalidRequest",
            f"The {chosen} checksum type cannot be used with the {name.lower()} checksum algorithm.",
        )
    return Kind(name, chosen)


def join(kind: Kind, parts: Sequence[tuple[str, int]]) -> str:
    """Return the object's checksum as S3 shows it, from each part's (base64, length in bytes).

    Composite ones end in `-N`, the number of parts.
    """
    algorithm = cast(checksums.Algorithm, kind.algorithm)
    if kind.type == "FULL_OBJECT":
        return checksums.combine_full_object(algorithm, parts)
    return checksums.composite(algorithm, [value for value, _ in parts])
