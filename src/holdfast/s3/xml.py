"""XML as S3 speaks it: a guarded reader for request bodies, and what every writer needs.

The reader is expat with everything switched off that a request body has no use for: document types (and with them
entities), processing instructions, encodings other than UTF-8, deep nesting and floods of elements. Namespaces are
tolerated, missing or wrong, and stripped: clients differ, and S3 does not mind (s3s issue 617).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, NoReturn
from xml.parsers import expat

from holdfast.s3.codes import S3Error

BODY_BYTES_MAX: Final = 1024 * 1024
"""The most that a body may have unless its operation says otherwise (contract.md, section 3)."""
DEPTH_MAX: Final = 32
ELEMENT_COUNT_MAX: Final = 100_000
"""A CompleteMultipartUpload of 10,000 parts with an ETag and five checksums each has 80,002 elements."""
INTEGER_DIGITS_MAX: Final = 19

PROLOG: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"


class Element(NamedTuple):
    """One element of a request body. Names and attribute names carry no namespace."""

    name: str
    text: str
    """The character data of a leaf, exactly as sent (white space in a key matters); empty if there are children."""
    children: tuple[Element, ...] = ()
    attributes: Mapping[str, str] = {}


def malformed(
    message: str = "The XML you provided was not well-formed or did not validate against our published schema",
) -> S3Error:
    """The error for a body that is not the document the operation takes. The default is AWS's own sentence."""
    return S3Error("MalformedXML", message)


def parse(
    body: bytes, max_bytes: int = BODY_BYTES_MAX, max_depth: int = DEPTH_MAX, max_elements: int = ELEMENT_COUNT_MAX
) -> Element:
    """Read a request body into its root element.

    Raises MaxMessageLengthExceeded above `max_bytes`; MalformedXML for anything that is not well-formed UTF-8 XML 1.0,
    has a document type or a processing instruction, or is deeper or has more elements than allowed.
    """
    if len(body) > max_bytes:
        raise S3Error(
            "MaxMessageLengthExceeded", f"Your request was too large: a body here has at most {max_bytes} bytes"
        )
    # S3's bodies are UTF-8. A declared encoding is overruled here (expat would ask Python for any codec by name), but a
    # UTF-16 byte order mark would overrule that.
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise malformed()
    reader = _Reader(max_depth, max_elements)
    parser = expat.ParserCreate("UTF-8")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ProcessingInstructionHandler = _refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, UnicodeError) as error:
        raise malformed() from error
    assert reader.root is not None  # expat refuses a document without a root
    return reader.root


def parse_root(body: bytes, name: str, max_bytes: int = BODY_BYTES_MAX) -> Element:
    """Read a body whose root element must be `name`, else MalformedXML."""
    root = parse(body, max_bytes)
    if root.name != name:
        raise malformed()
    return root


def child(element: Element, name: str) -> Element | None:
    """The only child of that name, or None. Two of them are MalformedXML: which one would a proxy have believed?"""
    found = None
    for candidate in element.children:
        if candidate.name == name:
            if found is not None:
                raise malformed(f"{element.name} has more than one {name}")
            found = candidate
    return found


def children(element: Element, name: str) -> list[Element]:
    """All children of that name, in their order."""
    return [candidate for candidate in element.children if candidate.name == name]


def child_text(element: Element, name: str) -> str | None:
    """The text of the only child of that name, or None if it is absent.

    MalformedXML if there are two of them, or if it holds elements where text belongs.
    """
    found = child(element, name)
    if found is None:
        return None
    if found.children:
        raise malformed(f"{name} holds elements where text belongs")
    return found.text


def required_text(element: Element, name: str) -> str:
    """The text of the only child of that name; MalformedXML if it is absent."""
    text = child_text(element, name)
    if text is None:
        raise malformed(f"{element.name} has no {name}")
    return text


def child_integer(element: Element, name: str, minimum: int, maximum: int) -> int | None:
    """The whole number in the only child of that name, or None if it is absent.

    MalformedXML if it is not plain ASCII digits (one leading minus aside) or lies outside the limits. The length is
    limited before the conversion, which is quadratic.
    """
    text = child_text(element, name)
    if text is None:
        return None
    digits = text.strip(" \t\r\n")
    number = digits.removeprefix("-")
    if not (number.isascii() and number.isdigit()) or len(number) > INTEGER_DIGITS_MAX:
        raise malformed(f"{name} is not a whole number")
    value = int(digits)
    if not minimum <= value <= maximum:
        raise malformed(f"{name} is not between {minimum} and {maximum}")
    return value


_UNSAFE: Final = re.compile('[&<>"\x00-\x08\x0b-\x1f\ufffe\uffff]')
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}


def escape(text: str) -> str:
    """Text as it may stand in an element or between double quotes.

    A carriage return becomes a reference, since a parser turns a bare one into a line feed. Characters that XML 1.0 has
    no spelling for (control characters in a key) become references too, as AWS writes them: a client that did not ask
    for `encoding-type=url` then fails to parse, which is better than a substitute that names another object.
    """
    # isprintable is false for every control character and several times quicker than the expression.
    if text.isprintable() and not ("&" in text or "<" in text or ">" in text or '"' in text):
        return text
    return _UNSAFE.sub(_reference, text)


def element(name: str, text: str) -> str:
    """`<name>text</name>` with the text escaped. `name` is trusted."""
    return f"<{name}>{escape(text)}</{name}>"


def document(root: str, inner: Iterable[str], *, namespace: bool = True) -> bytes:
    """A whole answer: prolog and root, around elements that are already escaped.

    Error answers carry no namespace: botocore does not see an error that has one.
    """
    xmlns = f' xmlns="{NAMESPACE}"' if namespace else ""
    return f"{PROLOG}<{root}{xmlns}>{''.join(inner)}</{root}>".encode()


def _reference(match: re.Match[str]) -> str:
    character = match.group()
    return _ENTITIES.get(character) or f"&#x{ord(character):X};"


def _refuse(*_: object) -> NoReturn:
    raise malformed("Document types, entities and processing instructions are not accepted")


class _Reader:
    """Expat's callbacks, building elements from the leaves up."""

    __slots__ = ("_depth_max", "_left", "_open", "root")

    def __init__(self, depth_max: int, element_count_max: int) -> None:
        self._depth_max = depth_max
        self._left = element_count_max
        self._open: list[tuple[str, dict[str, str], list[Element], list[str]]] = []
        self.root: Element | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._left -= 1
        if len(self._open) >= self._depth_max:
            raise malformed(f"Elements are nested more than {self._depth_max} deep")
        if self._left < 0:
            raise malformed("There are too many elements")
        if attributes:
            attributes = {
                key.rpartition(":")[2]: value
                for key, value in attributes.items()
                if key != "xmlns" and not key.startswith("xmlns:")
            }
        self._open.append((name, attributes, [], []))

    def end(self, name: str) -> None:
        _, attributes, below, texts = self._open.pop()
        text = "" if below else "".join(texts)
        local = name.rpartition(":")[2] if ":" in name else name
        closed = Element(local, text, tuple(below), attributes)
        if self._open:
            self._open[-1][2].append(closed)
        else:
            self.root = closed

    def characters(self, text: str) -> None:
        self._open[-1][3].append(text)
