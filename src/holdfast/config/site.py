"""The site as its people see it: its name and colours, its mail, and who may sign in, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .kinds import EMAIL, GROUP_ROLE, LINE, MAIL_SERVER, PATH, SIZE, URL, GroupRole, Kind, number, one_of


def _about(kind: Kind[Any], description: str) -> dict[str, Any]:
    return {"kind": kind, "description": description}


@dataclass(frozen=True, slots=True)
class Site:
    """What the portal knows of the site. In the settings file under `[site]`."""

    site_name: str = field(
        default="Object store", metadata=_about(LINE, "What the site's object store is called, on every page and mail.")
    )
    site_logo: Path | None = field(
        default=None, metadata=_about(PATH, "An SVG or PNG file shown beside the name. Empty: holdfast's own mark.")
    )
    site_accent: int = field(
        default=210,
        metadata=_about(number(0, 360, "degrees"), "The hue of buttons and links; contrast is kept whatever it is."),
    )
    support_contact: str = field(
        default="",
        metadata=_about(LINE, "Whom people ask for help: an e-mail address or a URL, shown at the foot of every page."),
    )
    sign_up: str = field(
        default="invited",
        metadata=_about(
            one_of("open", "invited"),
            "Who may make an account: anybody with an e-mail address (`open`), or only those who were invited.",
        ),
    )
    mail_server: str = field(
        default="",
        metadata=_about(
            MAIL_SERVER,
            "Where mail is handed over. Empty: nothing is sent, and mail waits in HOME/outbox (`holdfast mail list`).",
        ),
    )
    mail_from: str = field(default="holdfast@localhost", metadata=_about(EMAIL, "The sender of all mail to people."))
    mail_password_file: Path | None = field(
        default=None, metadata=_about(PATH, "A file of mode 0600 with the password of the mail server's user.")
    )
    oidc_issuer: str = field(
        default="",
        metadata=_about(URL, "The issuer of an OpenID Connect provider to sign in with. Empty: none."),
    )
    oidc_name: str = field(
        default="your institution", metadata=_about(LINE, "What the provider is called: “Log in with …”.")
    )
    oidc_client_id: str = field(default="", metadata=_about(LINE, "The id that the provider knows this portal by."))
    oidc_client_secret_file: Path | None = field(
        default=None, metadata=_about(PATH, "A file of mode 0600 with the client secret. Empty: a public client.")
    )
    oidc_groups_claim: str = field(
        default="groups", metadata=_about(LINE, "The claim that lists the groups of a person.")
    )
    ldap_server: str = field(
        default="",
        metadata=_about(URL, "An LDAP directory whose people sign in with their password there. Empty: none."),
    )
    ldap_start_tls: str = field(
        default="yes", metadata=_about(one_of("yes", "no"), "Whether an `ldap://` connection is encrypted by StartTLS.")
    )
    ldap_ca_file: Path | None = field(
        default=None,
        metadata=_about(PATH, "The certificates that vouch for the directory's own. Empty: those of this machine."),
    )
    ldap_bind_dn: str = field(
        default="", metadata=_about(LINE, "As whom the directory is searched. Empty: anonymously.")
    )
    ldap_bind_password_file: Path | None = field(
        default=None, metadata=_about(PATH, "A file of mode 0600 with the password for that.")
    )
    ldap_people: str = field(
        default="",
        metadata=_about(
            LINE,
            "The base under which people are found by `uid`, such as ou=people,dc=example. One that finds too few "
            "takes access from nobody before `holdfast user sync-directory --losses-max N`.",
        ),
    )
    ldap_groups: str = field(
        default="", metadata=_about(LINE, "The base under which groups (posixGroup or groupOfNames) are found.")
    )
    group_roles: tuple[GroupRole, ...] = field(
        default=(),
        metadata=_about(
            GROUP_ROLE, "Which group of the provider or directory gives which role. May be given more than once."
        ),
    )
    directory_sync_minutes: int = field(
        default=15,
        metadata=_about(
            number(1, 1440, "minutes"),
            "How often people and groups of the directory are read: who is disabled there loses access by then.",
        ),
    )
    session_hours: int = field(
        default=12, metadata=_about(number(1, 720, "hours"), "After how long without a visit people log in again.")
    )
    session_days: int = field(
        default=30,
        metadata=_about(number(1, 365, "days"), "After how long people log in again however often they visit."),
    )
    grant_days: int = field(
        default=365,
        metadata=_about(number(1, 3650, "days"), "How long a membership lasts unless a manager says otherwise."),
    )
    closing_grace_days: int = field(
        default=30,
        metadata=_about(number(0, 365, "days"), "How long the data of a tenancy that is closed stays readable."),
    )
    capacity: int = field(
        default=0,
        metadata=_about(SIZE, "What the site can promise in all. 0: what the store uses and what the disk has free."),
    )
