"""Sessions in the database, of which it only knows hashes: who reads a copy of it can't go on with anybody's."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.contrib.sessions.models import Session

from .models import Person


class SessionStore(db.SessionStore):
    """Django's own, with the hash of the key in the place of the key."""

    def _get_session_from_db(self) -> Session | None:
        clear, self._session_key = self._session_key, digest_of(self._session_key)
        try:
            found = super()._get_session_from_db()  # type: ignore[misc]
        finally:
            self._session_key = clear
        if found is None:
            self._session_key = None
            return None
        assert isinstance(found, Session)
        return found

    def exists(self, session_key: str) -> bool:
        return super().exists(digest_of(session_key) or "")

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        made = super().create_model_instance(data)
        made.session_key = digest_of(made.session_key) or ""
        return made

    def delete(self, session_key: str | None = None) -> None:
        clear = session_key if session_key is not None else self.session_key
        if clear is not None:
            super().delete(digest_of(clear))


def digest_of(session_key: str | None) -> str | None:
    """Return what the database knows of a session's key: half of its SHA-256, which fits the column."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:40] if session_key else None


def end_others(person: Person, session_key: str | None) -> int:
    """Log a person out everywhere but in one session, None = everywhere; return how many ended."""
    kept = digest_of(session_key)
    ended = 0
    for session in Session.objects.exclude(session_key=kept or ""):
        if session.get_decoded().get("_auth_user_id") == str(person.pk):
            session.delete()
            ended += 1
    return ended
