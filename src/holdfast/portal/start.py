"""Bringing Django up for a home: configured once in a process, its tables made or migrated before anybody is served."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from holdfast.assemble import Home
from holdfast.config import Settings

from . import django_log, django_settings


def configure(settings: Settings, home: Home) -> None:
    """Configure Django for a home. Once in a process; a second call changes nothing."""
    import django
    from django.conf import settings as django_conf

    if django_conf.configured:
        return
    django_conf.configure(**django_settings.values(settings, home))
    django.setup(set_prefix=False)
    django_log.listen()


def migrate(home: Home) -> None:
    """Make the portal's tables, or bring them to this version. Idempotent; each step is a transaction."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    _touch(home.portal_file)
    fd = os.open(home.run / "portal-migrate.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # The portal and its worker start at once; the second finds the work done.
        fcntl.flock(fd, fcntl.LOCK_EX)
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=0)
        # No migration makes it, so a crash after the last one would leave a portal that nobody can log in to.
        call_command("createcachetable", verbosity=0)
    finally:
        connection.close()
        os.close(fd)


def _touch(path: Path) -> None:
    """Make a file that nobody else may read, where there is none: SQLite would make it by the umask."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
