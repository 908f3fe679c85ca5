"""What of an object a page may show: text as text, and images of kinds that run nothing.

The bytes come from S3's origin under a type that is chosen here, never by who wrote the object.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

BYTES_MAX: Final = 2 * 1024 * 1024
TEXT: Final = "text/plain; charset=utf-8"

_IMAGES: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "bmp": "image/bmp",
}
"""SVG is not among them: it is a document with scripts, and is shown as the text that it is."""
_TEXTS: Final = frozenset(
    (
        "c", "cdl", "cfg", "conf", "cpp", "css", "csv", "dat", "f", "f90", "geojson", "h", "html", "ini",
        "ipynb", "java", "jl", "js", "json", "jsonl", "log", "m", "md", "ndjson", "nml", "patch", "pem", "py",
        "r", "rst", "sh", "sql", "svg", "tex", "text", "toml", "tsv", "txt", "xml", "yaml", "yml", "zarray",
        "zattrs", "zgroup", "zmetadata",
    )
)  # fmt: skip
_TEXT_TYPES: Final = ("text/", "application/json", "application/xml", "application/yaml", "application/x-yaml")


class Preview(NamedTuple):
    """How an object is shown."""

    kind: Literal["text", "image"]
    content_type: str
    """The type that S3 is to answer with."""


def choose_preview(key: str, content_type: str, size_bytes: int) -> Preview | None:
    """Return how an object can be shown; None for what can't be, is empty, or is too large."""
    if not 0 < size_bytes <= BYTES_MAX:
        return None
    declared = content_type.partition(";")[0].strip().lower()
    ending = key.rpartition("/")[2].rpartition(".")[2].lower()
    if declared in _IMAGES.values():
        return Preview("image", declared)
    if ending in _IMAGES and not declared.startswith(_TEXT_TYPES):
        return Preview("image", _IMAGES[ending])
    if ending in _TEXTS or declared.startswith(_TEXT_TYPES) or declared.endswith(("+json", "+xml")):
        return Preview("text", TEXT)
    return None
