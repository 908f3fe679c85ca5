"""How passwords are kept: argon2id, a few at a time, for each takes 64 MiB while it is looked at."""

from __future__ import annotations

import threading
from typing import Final

from django.contrib.auth.hashers import Argon2PasswordHasher

AT_ONCE_MAX: Final = 4
_ROOM: Final = threading.BoundedSemaphore(AT_ONCE_MAX)


class Argon2id(Argon2PasswordHasher):
    """RFC 9106, 4, the second recommended choice. Who logs in while many do waits for a turn instead of for memory."""

    time_cost = 3
    memory_cost = 65_536  # KiB
    parallelism = 4

    def encode(self, password: str, salt: str) -> str:
        with _ROOM:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _ROOM:
            return super().verify(password, encoded)
