"""What a site's LDAP directory says of people and groups, and whether a password is right there.

Every connection is encrypted before anything secret crosses it, checked against the directory's certificate, and given
up after some seconds. What people type reaches a filter only escaped (RFC 4515, 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from holdfast.config import Site, read_secret

CONNECT_S: Final = 5
ANSWER_S: Final = 15
PAGE_SIZE: Final = 500
_LOCKED_FOR_GOOD: Final = "000001010000Z"
_DAY_S: Final = 86_400
_PERSON_ATTRIBUTES: Final = (
    "uid",
    "cn",
    "displayName",
    "mail",
    "entryUUID",
    "nsUniqueId",
    "ipaUniqueID",
    "shadowExpire",
    "pwdAccountLockedTime",
    "nsAccountLock",
    "userAccountControl",
)
_GROUP_ATTRIBUTES: Final = ("cn", "memberUid", "member", "uniqueMember")


class DirectoryDown(Exception):
    """The directory can't be asked now. The text is for operators."""


class Entry(NamedTuple):
    """A person in the directory."""

    upstream_id: str
    """What never changes, nor is ever given to somebody else: entryUUID or its like; the uid where there is none."""
    dn: str
    uid: str
    full_name: str
    email: str
    is_disabled: bool


class Directory:
    """A connection, opened by `connected`."""

    def __init__(self, connection: Any, site: Site) -> None:
        self._connection = connection
        self._site = site

    def find(self, uid: str) -> Entry | None:
        """Return the one person with this uid, or None."""
        return self._one(_equals("uid", uid))

    def find_by_id(self, upstream_id: str) -> Entry | None:
        """Return the person whom the directory calls this for ever, whatever the uid is now."""
        kind, _, value = upstream_id.partition(":")
        return self._one(_equals(kind, value))

    def people(self) -> Mapping[str, Entry]:
        """Return upstream id → person, for everybody who has a uid. Raises DirectoryDown when it is not all of them."""
        found = self._search(self._site.ldap_people, "(uid=*)", _PERSON_ATTRIBUTES)
        entries = (_entry(dn, attributes) for dn, attributes in found)
        return {entry.upstream_id: entry for entry in entries}

    def groups_of(self, entry: Entry) -> Sequence[str]:
        """Return the names of a person's groups."""
        if not self._site.ldap_groups:
            return ()
        named = [_equals("memberUid", entry.uid), _equals("member", entry.dn), _equals("uniqueMember", entry.dn)]
        found = self._search(self._site.ldap_groups, f"(|{''.join(named)})", ("cn",))
        return [name for _, attributes in found for name in attributes.get("cn", ())]

    def groups(self) -> Mapping[str, Sequence[str]]:
        """Return uid and DN (both in small letters) → names of groups, for everybody who is in one."""
        found: dict[str, list[str]] = {}
        if self._site.ldap_groups:
            for _, attributes in self._search(self._site.ldap_groups, "(cn=*)", _GROUP_ATTRIBUTES):
                members = [member for name in _GROUP_ATTRIBUTES[1:] for member in attributes.get(name, ())]
                for member in members:
                    found.setdefault(_folded(member), []).extend(attributes.get("cn", ()))
        return found

    def has_password(self, entry: Entry | None, password: str) -> bool:
        """Whether a password is right for a person. None is asked for, too, so that the time tells nothing.

        An empty one never is, whatever a server says of it (RFC 4513, 5.1.2: it would be an anonymous bind).
        """
        import ldap
        from ldap.dn import escape_dn_chars

        if not password or "\0" in password:
            return False
        dn = entry.dn if entry is not None else f"uid={escape_dn_chars('nobody at all')},{self._site.ldap_people}"
        with connected(self._site, binds=False) as other:
            try:
                other._connection.simple_bind_s(dn, password)
            except (ldap.INVALID_CREDENTIALS, ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX, ldap.UNWILLING_TO_PERFORM):
                return False
            except ldap.LDAPError as error:
                raise _down(error) from None
            return entry is not None

    def _one(self, condition: str) -> Entry | None:
        found = self._search(self._site.ldap_people, f"(&(uid=*){condition})", _PERSON_ATTRIBUTES)
        return _entry(*found[0]) if len(found) == 1 else None

    def _search(
        self, base: str, condition: str, attributes: Sequence[str]
    ) -> Sequence[tuple[str, Mapping[str, Sequence[str]]]]:
        """Return all that is found, page by page. Raises DirectoryDown, also when a limit cut it off."""
        import ldap
        from ldap.controls import SimplePagedResultsControl

        paging = SimplePagedResultsControl(True, size=PAGE_SIZE, cookie="")
        found = []
        try:
            while True:
                message = self._connection.search_ext(
                    base, ldap.SCOPE_SUBTREE, condition, list(attributes), serverctrls=[paging]
                )
                _, data, _, controls = self._connection.result3(message)
                # A referral has no DN; nothing is asked of other servers.
                found += [(dn, _texts(values)) for dn, values in data if dn]
                cookies = [c.cookie for c in controls if c.controlType == SimplePagedResultsControl.controlType]
                if not cookies or not cookies[0]:
                    return found
                paging.cookie = cookies[0]
        except ldap.NO_SUCH_OBJECT:
            raise DirectoryDown(f"the base {base!r} is not there, or may not be read") from None
        except ldap.LDAPError as error:
            raise _down(error) from None


@contextmanager
def connected(site: Site, *, binds: bool = True) -> Iterator[Directory]:
    """Connect to the directory, encrypted, as whom the settings say. Raises DirectoryDown."""
    import ldap

    connection = None
    try:
        connection = ldap.initialize(site.ldap_server)
        connection.set_option(ldap.OPT_PROTOCOL_VERSION, ldap.VERSION3)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, CONNECT_S)
        connection.set_option(ldap.OPT_TIMEOUT, ANSWER_S)
        connection.set_option(ldap.OPT_REFERRALS, ldap.OPT_OFF)
        connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
        if site.ldap_ca_file is not None:
            connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(site.ldap_ca_file))
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        if site.ldap_server.startswith("ldap://") and site.ldap_start_tls == "yes":
            connection.start_tls_s()
        if binds and site.ldap_bind_dn and site.ldap_bind_password_file is not None:
            connection.simple_bind_s(
                site.ldap_bind_dn, read_secret(site.ldap_bind_password_file, "ldap_bind_password_file")
            )
    except ldap.LDAPError as error:
        _close(connection)
        raise _down(error) from None
    try:
        yield Directory(connection, site)
    finally:
        _close(connection)


def _close(connection: Any) -> None:
    import ldap

    try:
        if connection is not None:
            connection.unbind_s()
    except ldap.LDAPError:
        pass  # It is gone already.


def _down(error: Exception) -> DirectoryDown:
    facts = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    said = ": ".join(str(facts[name]) for name in ("desc", "info") if facts.get(name))
    return DirectoryDown(said or type(error).__name__)


def _equals(attribute: str, value: str) -> str:
    from ldap.filter import escape_filter_chars

    return f"({attribute}={escape_filter_chars(value, 1)})"


def _texts(values: Mapping[str, Sequence[bytes]]) -> Mapping[str, Sequence[str]]:
    return {name: [value.decode("utf-8", "replace") for value in each] for name, each in values.items()}


def _entry(dn: str, attributes: Mapping[str, Sequence[str]]) -> Entry:
    known = {name.lower(): values for name, values in attributes.items()}

    def first(*names: str) -> str:
        return next((known[name.lower()][0] for name in names if known.get(name.lower())), "")

    uid = first("uid")
    upstream_id = next(
        (f"{name}:{first(name)}" for name in ("entryUUID", "nsUniqueId", "ipaUniqueID") if first(name)), f"uid:{uid}"
    )
    return Entry(upstream_id[:200], dn, uid, first("displayName", "cn"), first("mail").lower(), _is_disabled(first))


def _is_disabled(first: Any) -> bool:
    """Whether the directory says that an account is closed: each kind of server says it in its own way."""
    # shadow(5): the day on which the account expires, counted from 1970; -1 or nothing = never.
    expires_day = first("shadowExpire")
    if expires_day.lstrip("-").isdigit() and 0 <= int(expires_day) <= _now_s() // _DAY_S:
        return True
    # OpenLDAP's ppolicy: any other time means some wrong passwords, which anybody can type for anybody.
    if first("pwdAccountLockedTime") == _LOCKED_FOR_GOOD:
        return True
    if first("nsAccountLock").lower() == "true":
        return True
    control = first("userAccountControl")
    return control.isdigit() and bool(int(control) & 2)


def _now_s() -> int:
    from holdfast.portal.house import house

    return house().now_us() // 1_000_000


def _folded(member: str) -> str:
    return member.replace(", ", ",").lower()


def groups_in(groups: Mapping[str, Sequence[str]], entry: Entry) -> Sequence[str]:
    """Return the names of a person's groups, of all that `Directory.groups` read."""
    return [*groups.get(_folded(entry.uid), ()), *groups.get(_folded(entry.dn), ())]
