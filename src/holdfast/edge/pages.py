"""Pages for people who come to S3's own address by a browser: whole in themselves, without scripts.

They stand on an origin where members put whatever they like, so each page may load nothing and be framed by nobody, and
its style is allowed by its hash.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from html import escape
from typing import Final

from holdfast.s3.answer import Answer

_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{margin:0;font:1rem/1.5 system-ui,sans-serif}"
    "main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem}"
    "h1{font-size:1.5rem;line-height:1.25;overflow-wrap:anywhere}"
    "h2{font-size:1.125rem;margin-top:2rem}"
    "h3{font-size:1rem;margin-bottom:.25rem}"
    "p,summary{max-width:42rem}"
    "a{overflow-wrap:anywhere}"
    "a:focus-visible,summary:focus-visible,pre:focus-visible{outline:3px solid;outline-offset:2px}"
    "nav ol{display:flex;flex-wrap:wrap;gap:.25rem;list-style:none;padding:0}"
    "nav li+li::before{content:'/';padding-right:.25rem}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.25rem 1rem .25rem 0;border-bottom:1px solid #8888;vertical-align:top}"
    ".n,.t{white-space:nowrap;font-variant-numeric:tabular-nums}"
    "td.n,th.n{text-align:right}"
    "pre{overflow-x:auto;margin:.25rem 0 1rem;padding:.75rem;border:1px solid #8888;font-size:.875rem}"
    "@media(max-width:40rem){.n,.t{white-space:normal}td:first-child{min-width:40%}th,td{padding-right:.5rem;font-size:.875rem}}"
)


def page(title: str, body: str) -> bytes:
    """Return a document. `title` is text, `body` is HTML in which every text is escaped."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    ).encode()


def answer(document: bytes, status: int = 200) -> Answer:
    """Return the answer that shows a document."""
    return Answer(
        status,
        [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Security-Policy", _POLICY),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-store"),
        ],
        document,
        None,
    )


# A sandboxed page may lead to others and start downloads, and can do nothing else even if a text escaped its quotes.
_POLICY: Final = (
    "default-src 'none'; "
    f"style-src 'sha256-{base64.b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-downloads allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)


def wants_page(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a browser that goes somewhere, as its Accept header tells.

    It must name HTML and like it better than XML and better than anything. No S3 client does: they send `*/*`, or no
    such header.
    """
    accept = headers.get("accept")
    return accept is not None and _prefers_html(accept[:1000].lower())


def vary_by_accept(headers: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Return headers that also tell caches that another Accept would have got another answer."""
    vary = ", ".join(["Accept", *(value for name, value in headers if name == "Vary")])
    return (*((name, value) for name, value in headers if name != "Vary"), ("Vary", vary))


@lru_cache(maxsize=256)
def _prefers_html(accept: str) -> bool:
    # Java's HttpURLConnection calls itself fond of HTML, whatever it is used for. Browsers know XHTML, too.
    if "image/gif" in accept and "application/xhtml+xml" not in accept:
        return False
    qualities: dict[str, float] = {}
    for part in accept.split(","):
        kind, *parameters = part.split(";")
        qualities[kind.strip()] = min(map(_quality, parameters), default=1.0)
    others = (qualities.get(kind, 0.0) for kind in ("application/xml", "text/xml", "application/json", "*/*"))
    return qualities.get("text/html", 0.0) > max(others)


def _quality(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
