"""How a catalog's file of an older holdfast becomes one of the next version, step by step.

A step is written out and never changed again: what the tables are called and made of today says nothing of what they
were when the step was new. Whatever it does, a file that went all the way has the same schema as one made today, which
a test compares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import apsw

Migration = Callable[[apsw.Connection], None]


def _add_key_uses_settings_and_audit_by_tenancy(connection: apsw.Connection) -> None:
    connection.execute(
        'CREATE TABLE "key_uses" ("access_key_id" TEXT NOT NULL, "last_used_us" INTEGER NOT NULL, '
        '"source_ip" TEXT NOT NULL, "user_agent" TEXT NOT NULL, PRIMARY KEY ("access_key_id")) STRICT, WITHOUT ROWID'
    )
    connection.execute(
        'CREATE TABLE "settings" ("name" TEXT NOT NULL, "value" TEXT NOT NULL, PRIMARY KEY ("name")) '
        "STRICT, WITHOUT ROWID"
    )
    connection.execute('CREATE INDEX "audit_by_tenancy" ON "audit" ("tenancy_id")')


MIGRATIONS: Final[tuple[Migration, ...]] = (_add_key_uses_settings_and_audit_by_tenancy,)
"""`MIGRATIONS[n]` leads from version n + 1 to n + 2. All that are needed run in one transaction."""
