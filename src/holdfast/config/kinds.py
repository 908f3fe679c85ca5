"""Kinds of settings: how a text becomes a value, how a value is shown, and what is allowed, in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

from .sizes import parse_size, show_size

Value = TypeVar("Value")
Network = IPv4Network | IPv6Network


class SettingError(Exception):
    """A setting is wrong. The text is one sentence that names the source, the setting, and what is allowed."""


class Address(NamedTuple):
    """Where a socket listens."""

    host: str
    port: int
    """0 = any free port."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class GroupRole(NamedTuple):
    """What belonging to a group of a directory or identity provider gives."""

    group: str
    tenancy: str
    role: str
    """`USER`, `DEPUTY` or `MANAGER`."""

    def __str__(self) -> str:
        return f"{self.group}={self.tenancy}:{self.role}"


@dataclass(frozen=True, slots=True)
class Kind(Generic[Value]):
    """What a setting's value may be. `parse` raises ValueError; `show` writes what `parse` reads."""

    allowed: str
    parse: Callable[[str], Value]
    show: Callable[[Any], str] = str
    is_list: bool = False
    is_number: bool = False
    """Whether the settings file may hold a bare number or boolean."""


_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.%]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})", re.ASCII)
_SLUG: Final = re.compile(_LABEL, re.ASCII)


def _address(text: str) -> Address:
    match = _ADDRESS.fullmatch(text.strip())
    if match is None or int(match[3]) > 65535:
        raise ValueError
    return Address(match[1] or match[2], int(match[3]))


def _domain(text: str) -> str:
    # 63 characters of tenancy and a dot must still fit before it (RFC 1035: 253 in all).
    if len(text) > 189 or not _DOMAIN.fullmatch(text.lower()):
        raise ValueError
    return text.lower()


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise ValueError
    return text


def _path(text: str) -> Path:
    if not text:
        raise ValueError
    return Path(text).expanduser()


def _line(text: str) -> str:
    if len(text) > 200 or not text.isprintable():
        raise ValueError
    return text


def _url(text: str) -> str:
    # An empty text is "none" where a setting allows it; a slash at the end names the same place. Asking for the port
    # checks it. Hosts in other scripts are written as certificates and Origin headers have them, xn--….
    parts = urlsplit(text)
    is_whole = parts.scheme and parts.hostname and parts.port != 0 and parts.username is None
    if text and not (is_whole and text.isascii() and text.isprintable() and " " not in text):
        raise ValueError
    return text.rstrip("/")


def _email(text: str) -> str:
    if not re.fullmatch(r"[^\s@,;<>\"]{1,64}@[^\s@,;<>\"]{1,255}", text):
        raise ValueError
    return text


def _mail_server(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("smtp", "smtps", "smtp+starttls") or not parts.hostname or parts.password):
        raise ValueError
    return text


_GROUP_ROLE: Final = re.compile(rf"([^=]{{1,200}})=({_LABEL}):(USER|DEPUTY|MANAGER)", re.ASCII)


def _group_role(text: str) -> GroupRole:
    match = _GROUP_ROLE.fullmatch(text.strip())
    if match is None:
        raise ValueError
    return GroupRole(match[1], match[2], match[3])


def _whole(text: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text.strip(), re.ASCII):
        raise ValueError
    return int(text)


ADDRESS: Final = Kind("HOST:PORT, such as 127.0.0.1:8080, 0.0.0.0:80 or [::]:80", _address)
DOMAIN: Final = Kind("a host name in lower case, such as s3.example.org", _domain)
SLUG: Final = Kind("the name of a tenancy", _slug)
TEXT: Final = Kind("a name without spaces", _slug)
PATH: Final = Kind("a path", _path)
LINE: Final = Kind("one line of at most 200 characters", _line)
URL: Final = Kind("a URL with its scheme and host, such as https://portal.example.org", _url)
EMAIL: Final = Kind("an e-mail address, such as store@example.org", _email)
MAIL_SERVER: Final = Kind(
    "smtp://USER@HOST:PORT, smtp+starttls://… or smtps://…, such as smtp+starttls://store@mail.example.org:587",
    _mail_server,
)
GROUP_ROLE: Final = Kind("GROUP=TENANCY:ROLE, such as cmip-users=cmip6-o:USER", _group_role)
SIZE: Final = Kind(
    "a size, such as 5MiB or 10TB", parse_size, lambda value: show_size(value).replace(" ", ""), is_number=True
)
NETWORK: Final = Kind("a network, such as 192.0.2.0/24 or 2001:db8::/32", lambda text: ip_network(text.strip()))


def one_of(*words: str) -> Kind[str]:
    """Return the kind of a choice between words."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    return Kind(" or ".join(f"`{word}`" for word in words), parse)


def number(least: int, most: int, unit: str = "") -> Kind[int]:
    """Return the kind of a whole number between two bounds, both included."""

    def parse(text: str) -> int:
        value = _whole(text)
        if not least <= value <= most:
            raise ValueError
        return value

    return Kind(f"a whole number{' of ' + unit if unit else ''} from {least} to {most}", parse, is_number=True)
