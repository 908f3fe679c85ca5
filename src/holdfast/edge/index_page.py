"""A public bucket as a browser shows it: folders and objects as links, and how programs read the same without a key.

Only for who may list without a signature. Everything on the page but the words is somebody's text: it is escaped, and a
link is made of it only where a browser would ask for that very key.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import quote

from holdfast.config import show_size
from holdfast.operations.list_objects_v2 import Response
from holdfast.operations.listed import ObjectEntry
from holdfast.s3.answer import Answer
from holdfast.s3.dates import iso_date
from holdfast.s3.head import Head

from .hosts import Origin, Place
from .pages import answer, page
from .signpost import portal_page

DELIMITER: Final = "/"
_PAGE: Final = re.compile(r"page=([A-Za-z0-9_=%-]{1,4096})", re.ASCII)
_TABLE_HEAD: Final = (
    '<table>\n<thead><tr><th scope="col">Name</th><th scope="col" class=n>Size</th>'
    '<th scope="col" class=t>Last modified (UTC)</th></tr></thead>\n<tbody>'
)
_ENDPOINT_HOST: Final = re.compile(r"[A-Za-z0-9.:\[\]-]+", re.ASCII)
_ZARR_MARKS: Final = frozenset(("zarr.json", ".zmetadata", ".zgroup"))
# What no browser shows, or what turns round what it shows.
_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a browser asks for: the entries directly below a prefix, from a page on."""

    bucket: str
    prefix: str
    token: str
    """Of the page before, empty for the first."""

    def list_request(self, head: Head) -> Head:
        """Return the head of the ListObjectsV2 that says it, so that policies judge this list like any other."""
        query = f"list-type=2&delimiter={_whole(DELIMITER)}&prefix={_whole(self.prefix)}"
        if self.token:
            query += f"&continuation-token={_whole(self.token)}"
        return head._replace(raw_path=f"/{_whole(self.bucket)}", raw_query=query)


def _whole(text: str) -> str:
    """Return a text as one value of a query, or one segment of a path."""
    return quote(text, safe="")


def find_wanted(head: Head, bucket: str, key: str) -> Wanted | None:
    """Return what an index would be of, None where none could be: of a key that ends in no slash, or with a query."""
    if not bucket or (key and not key.endswith(DELIMITER)) or head.method not in ("GET", "HEAD"):
        return None
    if "authorization" in head.headers:
        return None
    if not head.raw_query:
        return Wanted(bucket, key, "")
    token = _PAGE.fullmatch(head.raw_query)
    return Wanted(bucket, key, token[1].replace("%3D", "=")) if token else None


def is_shown(wanted: Wanted, listed: Response) -> bool:
    """Whether there is something to show below the prefix, where no object with bytes has its very name."""
    if not wanted.prefix or wanted.token:
        return True
    if any(entry.key == wanted.prefix and entry.size for entry in listed.contents):
        return False
    return bool(listed.contents or listed.common_prefixes)


def show(
    wanted: Wanted,
    listed: Response,
    origin: Origin,
    place: Place,
    portal_origin: str,
    may_list: Callable[[str], bool],
) -> Answer:
    """Return the index. `may_list` says of a prefix above this one whether it has an index, too."""
    links = _Links("" if place.bucket else f"/{_whole(wanted.bucket)}")
    name = f"{wanted.bucket}/{wanted.prefix}"
    shown = [
        f"<h1>Index of {_name(name)}</h1>",
        _crumbs(wanted, links, may_list),
        _table(wanted, listed, links),
        _pages(wanted, listed),
        _snippets(wanted, listed, origin, place),
    ]
    if portal_origin:
        url = escape(portal_page(portal_origin, place))
        shown.append(f'<p>Members of the tenancy also find this bucket in <a href="{url}">the portal</a>.</p>')
    return answer(page(f"Index of {_UNSEEN.sub('�', name)}", "\n".join(filter(None, shown))))


class _Links:
    """Writes the links of one page."""

    def __init__(self, base: str) -> None:
        self.base = base
        """The path of the bucket: empty in virtual-host style."""

    def find(self, key: str) -> str | None:
        """Return the path that a browser asks for this key by, None where it would ask for another.

        Browsers resolve `.` and `..` in a path however they are written. A slash at the start is encoded, or the path
        would begin with two, which name a host.
        """
        if ("." in key[:1] or "/." in key) and not {".", ".."}.isdisjoint(key.split("/")):
            return None
        path = quote(key, safe="/")
        return f"{self.base}/{'%2F' + path[1:] if path.startswith('/') else path}"


def _shown(text: str) -> str:
    return escape(_UNSEEN.sub("�", text))


def _name(text: str) -> str:
    """Return a name as HTML that nothing in it can turn round. A folder between two slashes has none: it is a slash."""
    return f"<bdi>{_shown(text) or DELIMITER}</bdi>"


def _link(path: str | None, text: str) -> str:
    shown = _name(text)
    return f"{shown} (no browser can ask for this name)" if path is None else f'<a href="{escape(path)}">{shown}</a>'


def _crumbs(wanted: Wanted, links: _Links, may_list: Callable[[str], bool]) -> str:
    if not wanted.prefix:
        return ""
    names = wanted.prefix.removesuffix(DELIMITER).split(DELIMITER)
    above = [(DELIMITER.join([*names[:end], ""]), names[end - 1]) for end in range(1, len(names))]
    parts = [
        f"<li>{_link(links.find(prefix), name) if may_list(prefix) else _name(name)}</li>"
        for prefix, name in [("", wanted.bucket), *above]
    ]
    parts.append(f'<li aria-current="page">{_name(names[-1])}</li>')
    return f'<nav aria-label="Folders above"><ol>{"".join(parts)}</ol></nav>'


def _table(wanted: Wanted, listed: Response, links: _Links) -> str:
    rows = [
        f"<tr><td>{_link(links.find(entry.prefix), entry.prefix[len(wanted.prefix) :])}</td>"
        "<td class=n>folder</td><td></td></tr>"
        for entry in listed.common_prefixes
    ]
    rows += [_row(entry, wanted, links) for entry in listed.contents if entry.key != wanted.prefix]
    if not rows:
        return "<p>There is nothing here yet.</p>"
    return "\n".join([_TABLE_HEAD, *rows, "</tbody>\n</table>"])


def _row(entry: ObjectEntry, wanted: Wanted, links: _Links) -> str:
    at = iso_date(entry.last_modified // 1_000_000)
    return (
        f"<tr><td>{_link(links.find(entry.key), entry.key[len(wanted.prefix) :])}</td>"
        f"<td class=n{_exact(entry.size)}>{show_size(entry.size)}</td>"
        f'<td class=t><time datetime="{at}">{at[:10]} {at[11:19]}</time></td></tr>'
    )


def _exact(size_bytes: int) -> str:
    """Return the exact size as a title, where what is shown is rounded, as in the portal."""
    return f' title="{size_bytes:,} bytes"' if size_bytes >= 1000 else ""


def _pages(wanted: Wanted, listed: Response) -> str:
    links = ['<a href="?">First page</a>'] if wanted.token else []
    if listed.next_continuation_token:
        links.append(f'<a rel="next" href="?page={_whole(listed.next_continuation_token)}">Next page</a>')
    return f'<nav aria-label="Pages"><p>{" · ".join(links)}</p></nav>' if links else ""


def _snippets(wanted: Wanted, listed: Response, origin: Origin, place: Place) -> str:
    endpoint = _endpoint(wanted, origin, place)
    if endpoint is None:
        return ""
    below = f"{wanted.bucket}/{wanted.prefix}".removesuffix(DELIMITER)
    python = [
        "import s3fs",
        f"fs = s3fs.S3FileSystem(anon=True, endpoint_url={_python(endpoint)})",
        f"print(fs.ls({_python(below)}))",
    ]
    store = _zarr(wanted, listed)
    if store is not None:
        python += [
            "import xarray",
            f"options = dict(anon=True, endpoint_url={_python(endpoint)})",
            f"print(xarray.open_zarr({_python(f's3://{store}')}, storage_options=options))",
        ]
    base = f"{endpoint}/{_whole(wanted.bucket)}"
    curl = f"curl --fail {shlex.quote(f'{base}?list-type=2&prefix={_whole(wanted.prefix)}')}"
    path_style = _Links("")
    first = next((entry.key for entry in listed.contents if entry.size and path_style.find(entry.key)), None)
    if first is not None:
        # To standard output, so that no name of an object becomes a name of a file unwanted.
        curl += f"\ncurl --fail {shlex.quote(f'{base}{path_style.find(first)}')} > object"
    blocks = [("python", "Python", "\n".join(python)), ("curl", "curl", curl)]
    if not _UNSEEN.search(below):  # A shell's line with it would not be what it looks like.
        aws = f"aws s3 ls --no-sign-request --endpoint-url {shlex.quote(endpoint)} {shlex.quote(f's3://{below}/')}"
        blocks.append(("aws", "AWS CLI", aws))
    return "<h2>Read it with a program, without an access key</h2>\n" + "\n".join(
        f'<h3 id="{name}">{title}</h3>\n<pre tabindex="0" role="region" aria-labelledby="{name}">{escape(text)}</pre>'
        for name, title, text in blocks
    )


def _endpoint(wanted: Wanted, origin: Origin, place: Place) -> str | None:
    """Return the URL that programs are given, None for a host that no program should be given unread."""
    host = origin.hosts[0]
    if place.bucket is not None:
        host = host[len(place.bucket) + 1 :]
    return f"http{'s' if origin.is_secure else ''}://{host}" if _ENDPOINT_HOST.fullmatch(host) else None


def _python(text: str) -> str:
    return ascii(text)  # What can't be seen is written as an escape.


def _zarr(wanted: Wanted, listed: Response) -> str | None:
    """Return a Zarr store that is on the page, or that the page is the inside of, as bucket and prefix."""
    files = {entry.key[len(wanted.prefix) :] for entry in listed.contents}
    folders = {entry.prefix[len(wanted.prefix) :] for entry in listed.common_prefixes}
    # An array of the third version has the same file as a group, and its chunks in one folder.
    is_array = "zarr.json" in files and folders <= {"c/"}
    if wanted.prefix and not is_array and not _ZARR_MARKS.isdisjoint(files):
        return f"{wanted.bucket}/{wanted.prefix.removesuffix(DELIMITER)}"
    stores = (entry.prefix for entry in listed.common_prefixes if entry.prefix.endswith(f".zarr{DELIMITER}"))
    first = next(stores, None)
    return None if first is None else f"{wanted.bucket}/{first.removesuffix(DELIMITER)}"
