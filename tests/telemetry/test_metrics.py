"""Metrics: every worker counts in a page of its own, and the pages are added up."""

from __future__ import annotations

import os

from holdfast.telemetry.metrics import LATENCY_BOUNDS_US, UNKNOWN, Metrics


def test_the_pages_of_all_workers_are_added_up() -> None:
    metrics = Metrics(("GetObject", "PutObject"), 2)
    metrics.page(0).count(0, 200, 0, 10, 100)
    metrics.page(1).count(0, 206, 0, 5, 100)
    metrics.page(1).count(1, 403, 7, 0, 100)
    text = metrics.exposition().decode()
    assert 'holdfast_requests_total{operation="GetObject",status="2xx"} 2.0' in text
    assert 'holdfast_requests_total{operation="PutObject",status="4xx"} 1.0' in text
    assert 'holdfast_sent_bytes_total{operation="GetObject"} 15.0' in text
    assert 'holdfast_received_bytes_total{operation="PutObject"} 7.0' in text


def test_a_forked_worker_counts_for_all_to_see() -> None:
    metrics = Metrics(("GetObject",), 1)
    pid = os.fork()
    if not pid:
        metrics.page(0).count(metrics.index_of[UNKNOWN], 400, 0, 0, 1)
        os._exit(0)
    os.waitpid(pid, 0)
    assert f'operation="{UNKNOWN}",status="4xx"}} 1.0' in metrics.exposition().decode()


def test_a_latency_falls_into_the_bucket_of_its_bound() -> None:
    metrics = Metrics(("GetObject",), 1)
    for duration_us in (LATENCY_BOUNDS_US[0], LATENCY_BOUNDS_US[0] + 1, 10**9):
        metrics.page(0).count(0, 200, 0, 0, duration_us)
    text = metrics.exposition().decode()
    assert 'bucket{le="0.00025",operation="GetObject"} 1.0' in text
    assert 'bucket{le="0.0005",operation="GetObject"} 2.0' in text
    assert 'bucket{le="10.0",operation="GetObject"} 2.0' in text
    assert 'bucket{le="+Inf",operation="GetObject"} 3.0' in text
