"""The metrics, from what the store itself answers when a monitor asks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from holdfast.admin.office import Office
from holdfast.admin.tenancies import create_tenancy
from holdfast.auth.generation import Generation
from holdfast.catalog.memory import MemoryCatalog
from holdfast.edge import health
from holdfast.edge.hosts import Origin
from holdfast.operations.registry import OPERATIONS
from holdfast.s3.head import Head
from holdfast.telemetry.board import Board
from holdfast.telemetry.metrics import Metrics

from .markdown import codes, table


def metrics() -> str:
    """Return a row for each family."""
    rows = [(codes(samples(family)), family.type, codes(labels(family)), family.documentation) for family in families()]
    return table(("metric", "type", "labels", "what it counts"), rows)


def families() -> list[Metric]:
    """Return what `/_admin/metrics` tells after one request."""
    counters = Metrics((each.name for each in OPERATIONS), 1)
    counters.page(0).count(0, 200, 1, 1, 1)
    catalog = MemoryCatalog()
    create_tenancy(Office(catalog, Generation.private(), "docs"), "a-o", limit_bytes=1)
    with TemporaryDirectory() as directory:
        jobs_file = Path(directory) / "jobs.json"
        jobs_file.write_text('{"collect": {"at_us": 1, "faults": 0}}', encoding="utf-8")
        # All of a gateway that the answer looks at; one that looks at more has to be shown it here.
        gateway = SimpleNamespace(
            metrics=counters,
            board=Board.private(),
            blobs=SimpleNamespace(free_bytes=lambda: 0),
            catalog=catalog,
            jobs_file=jobs_file,
            certificates=SimpleNamespace(ends=lambda: {"site.pem": datetime(2027, 1, 1, tzinfo=UTC)}),
        )
        head = Head("GET", health.METRICS, "", {})
        answer = health.answer(cast(Any, gateway), head, Origin(("localhost",), "127.0.0.1", False), is_stopping=False)
    return list(text_string_to_metric_families(answer.body.decode()))


def samples(family: Metric) -> list[str]:
    """Return the names under which a family's values are found, the time of its making left out."""
    return list(dict.fromkeys(each.name for each in family.samples if not each.name.endswith("_created")))


def labels(family: Metric) -> list[str]:
    """Return the labels of a family, in order."""
    return list(dict.fromkeys(label for each in family.samples for label in each.labels if label != "le"))


def names() -> list[str]:
    """Return every metric's name."""
    return [name for family in families() for name in samples(family)]
