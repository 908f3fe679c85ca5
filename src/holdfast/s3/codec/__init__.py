"""Shapes to functions: each dataclass is compiled once into what reads or writes it; a request costs no reflection."""

from __future__ import annotations

from holdfast.s3.codec.documents import compile_document
from holdfast.s3.codec.elements import compile_document_writer
from holdfast.s3.codec.requests import compile_request
from holdfast.s3.codec.responses import compile_response

__all__ = ["compile_document", "compile_document_writer", "compile_request", "compile_response"]
