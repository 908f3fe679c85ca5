"""Bringing Django up: what a crash left half made is made whole at the next start."""

from __future__ import annotations

from typing import Any

from holdfast.portal.start import migrate


def test_a_start_that_ended_before_the_table_of_the_cache_is_mended_by_the_next(town: Any, django_home: Any) -> None:
    from django.core.cache import cache
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE portal_cache")
    connection.close()
    migrate(django_home)
    cache.set("key", "value")
    assert cache.get("key") == "value"
