"""What is so at this moment, for the metrics page: workers, disk, jobs, and what each tenancy holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from holdfast.catalog.rows import TENANCIES
from holdfast.store import quotas, site

if TYPE_CHECKING:
    from pathlib import Path

    from prometheus_client.core import Metric

    from .gateway import Gateway
    from .tls import Certificates


def read_gauges(gateway: Gateway) -> list[Metric]:
    """Return the gauges. Costs a scan of the tenancies and one small file; made at a scrape, not at a request."""
    return [
        *_process_gauges(gateway),
        *_job_gauges(gateway.jobs_file),
        *_certificate_gauges(gateway.certificates),
        *_site_gauges(gateway),
        *_tenancy_gauges(gateway),
    ]


def _process_gauges(gateway: Gateway) -> list[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    processes = gateway.board.living()
    return [
        GaugeMetricFamily("holdfast_workers", "Processes on the board.", value=len(processes)),
        GaugeMetricFamily(
            "holdfast_connections", "Open connections.", value=sum(each.connections for each in processes)
        ),
        GaugeMetricFamily(
            "holdfast_read_only", "1 after a failed sync, until the next start.", value=int(gateway.board.is_read_only)
        ),
        GaugeMetricFamily(
            "holdfast_free_bytes", "Bytes that may still be written.", value=max(0, gateway.blobs.free_bytes())
        ),
    ]


def _job_gauges(jobs_file: Path) -> list[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    ran = GaugeMetricFamily("holdfast_job_last_run_seconds", "When a job last ran, in epoch seconds.", labels=["job"])
    faults = GaugeMetricFamily("holdfast_job_faults", "Failed runs of a job since the start.", labels=["job"])
    for job, report in _read_jobs(jobs_file).items():
        ran.add_metric([job], report["at_us"] / 1e6)
        faults.add_metric([job], report["faults"])
    return [ran, faults]


def _read_jobs(jobs_file: Path) -> dict[str, dict[str, Any]]:
    try:
        reports: dict[str, dict[str, Any]] = json.loads(jobs_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # None has run yet.
    return reports


def _certificate_gauges(certificates: Certificates | None) -> list[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    ends = GaugeMetricFamily(
        "holdfast_certificate_expiry_seconds",
        "When a served certificate of --tls-dir ends, in epoch seconds; the local authority renews its own.",
        labels=["file"],
    )
    for name, end in sorted(certificates.ends().items() if certificates is not None else ()):
        ends.add_metric([name], end.timestamp())
    return [ends]


def _site_gauges(gateway: Gateway) -> list[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    with gateway.catalog.read() as rows:
        is_read_only = site.find_setting(rows, site.READ_ONLY) is not None
    return [
        GaugeMetricFamily(
            "holdfast_site_read_only",
            "1 while operators have made the whole store read-only (`holdfast site read-only`).",
            value=int(is_read_only),
        )
    ]


def _tenancy_gauges(gateway: Gateway) -> list[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    used = GaugeMetricFamily(
        "holdfast_tenancy_used_bytes", "What a tenancy holds, unfinished uploads included.", labels=["tenancy"]
    )
    objects = GaugeMetricFamily("holdfast_tenancy_objects", "Objects of a tenancy.", labels=["tenancy"])
    limit = GaugeMetricFamily(
        "holdfast_tenancy_limit_bytes", "The quota of a tenancy that has one.", labels=["tenancy"]
    )
    with gateway.catalog.read() as rows:
        for tenancy in rows.scan(TENANCIES):
            usage = quotas.get_usage(rows, tenancy.tenancy_id)
            used.add_metric([tenancy.name], quotas.used_bytes(usage))
            objects.add_metric([tenancy.name], quotas.used_objects(usage))
            if tenancy.limit_bytes is not None:
                limit.add_metric([tenancy.name], tenancy.limit_bytes)
    return [used, objects, limit]
