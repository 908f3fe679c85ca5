"""Sessions in the database, which knows only hashes of their keys and sealed contents.

Who reads a copy of it can't go on with anybody's session, and finds no link or seed that a session holds for a while.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.utils import timezone

from holdfast.admin.internal_keys import revoke_portal_keys
from holdfast.auth.keyring import KeyringError
from holdfast.portal.house import house

from .models import Person, Session

_CONTENTS: Final = b"portal-session"
SEEN_EVERY_S: Final = 600
"""How exactly the last visit is known: a session that is used is saved this often, and so ends that much later."""


class SessionStore(db.SessionStore):
    """Django's own, with the hash of the key in the place of the key, and what it holds sealed by the keyring."""

    @classmethod
    def get_model_class(cls) -> Any:
        return Session

    def encode(self, session_dict: dict[str, Any]) -> str:
        text = json.dumps(session_dict, separators=(",", ":"))
        sealed, version = house().keyring.seal(text, _CONTENTS)
        return f"{version}:{base64.b64encode(sealed).decode()}"

    def decode(self, session_data: str | bytes) -> dict[str, Any]:
        """Return what a session holds; nothing of one that doesn't open any more, which logs its browser out."""
        text = session_data.decode() if isinstance(session_data, bytes) else session_data
        version, _, sealed = text.partition(":")
        try:
            found = json.loads(house().keyring.unseal(base64.b64decode(sealed, validate=True), int(version), _CONTENTS))
        except (KeyringError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def get_expiry_age(self, **kwargs: Any) -> int:
        """Return for how many seconds it goes on, at most until its end (`session_days`): cookies have that."""
        age_s: int = super().get_expiry_age(**kwargs)
        return max(0, min(age_s, int((self._end() - timezone.now()).total_seconds())))

    def get_expiry_date(self, **kwargs: Any) -> datetime:
        """Return when it ends unless somebody comes before: a visit moves it, but not beyond the end of all."""
        found: datetime = super().get_expiry_date(**kwargs)
        return min(found, self._end())

    def _end(self) -> datetime:
        """Return when who logged in has to do so again, however often they come. Counts for nobody before a log-in."""
        began_s = self.get("began_s")
        began = datetime.fromtimestamp(began_s, UTC) if began_s else timezone.now()
        return began + timedelta(days=house().settings.site.session_days)

    def _get_session_from_db(self) -> AbstractBaseSession | None:
        clear, self._session_key = self._session_key, digest_of(self._session_key)
        try:
            found: AbstractBaseSession | None = super()._get_session_from_db()  # type: ignore[misc]
        finally:
            self._session_key = clear
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        return super().exists(digest_of(session_key) or "")

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        made: AbstractBaseSession = super().create_model_instance(data)
        made.session_key = digest_of(made.session_key) or ""
        assert isinstance(made, Session)
        person_id = data.get("_auth_user_id")
        made.person_id = int(person_id) if person_id else None
        made.agent = str(data.get("agent", ""))[:80] if person_id else ""
        began_s = data.get("began_s")
        made.began_at = datetime.fromtimestamp(began_s, UTC) if person_id and began_s else None
        return made

    def delete(self, session_key: str | None = None) -> None:
        clear = session_key if session_key is not None else self.session_key
        if clear is not None:
            super().delete(digest_of(clear))


def digest_of(session_key: str | None) -> str | None:
    """Return what the database knows of a session's key: half of its SHA-256, which fits the column."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:40] if session_key else None


def touch(session: Any) -> None:
    """Remember a visit, so that a session ends some hours after the last one (`session_days` after the log-in)."""
    now_s = int(timezone.now().timestamp())
    if now_s - session.get("seen_s", 0) >= SEEN_EVERY_S:
        session["seen_s"] = now_s


def begin(session: Any, agent: str) -> None:
    """Remember when and with which browser somebody logged in."""
    session["began_s"] = session["seen_s"] = int(timezone.now().timestamp())
    session["agent"] = agent


def end_others(person: Person, session_key: str | None, *, by: Person | None = None) -> int:
    """Log a person out everywhere but in the session with this key, and return how many sessions ended.

    Signed URLs of all their log-ins are refused from then on; a session that goes on signs new ones. `by` is who does
    it, for the audit, where that is somebody else.
    """
    others = Session.objects.filter(person=person).exclude(session_key=digest_of(session_key) or "")
    count = others.delete()[0]
    opened = house()
    if not opened.is_read_only:
        revoke_portal_keys(opened.office((by or person).principal_id), person.principal_id)
    return count
