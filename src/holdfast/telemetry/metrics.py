"""Metrics: counters in shared memory, one page for each worker, added up when somebody asks.

Counting a request costs a few stores into memory: no lock, no allocation, no system call. A worker that is started
again goes on counting in its predecessor's page, so that counters never go back while the home is served.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from prometheus_client.core import Metric

LATENCY_BOUNDS_US: Final = (
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    1_000_000,
    10_000_000,
)
"""Upper bounds of the latency histogram, in µs; one more bucket has no bound."""

_CLASSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx")
_BYTES_IN: Final = len(_CLASSES)
_BYTES_OUT: Final = _BYTES_IN + 1
_DURATION: Final = _BYTES_OUT + 1
_BUCKETS: Final = _DURATION + 1
_WIDTH: Final = _BUCKETS + len(LATENCY_BOUNDS_US) + 1
UNKNOWN: Final = "Unknown"
"""The operation of a request that was refused before one was found."""

HEALTH: Final = "Health"
"""What operators' machines ask for: health and metrics."""


SIGNPOST: Final = "Signpost"
"""What people's browsers are shown, or led to, who came to S3's address or to the former portal's."""


class Page:
    """One worker's counters. Written by that worker alone."""

    __slots__ = ("_words",)

    def __init__(self, words: memoryview) -> None:
        self._words = words

    def count(self, operation: int, status: int, bytes_in: int, bytes_out: int, duration_us: int) -> None:
        """Count one answered request. `operation` is its index in `Metrics.names`."""
        words = self._words
        start = operation * _WIDTH
        words[start + status // 100 - 1] += 1
        words[start + _BYTES_IN] += bytes_in
        words[start + _BYTES_OUT] += bytes_out
        words[start + _DURATION] += duration_us
        words[start + _BUCKETS + bisect_left(LATENCY_BOUNDS_US, duration_us)] += 1


class Metrics:
    """The pages of all workers. Made before the workers are forked."""

    def __init__(self, operations: Iterable[str], worker_count: int) -> None:
        self.names: Sequence[str] = (*operations, HEALTH, SIGNPOST, UNKNOWN)
        self.index_of = {name: index for index, name in enumerate(self.names)}
        self._page_words = len(self.names) * _WIDTH
        self._worker_count = worker_count
        self._map = mmap.mmap(-1, max(1, worker_count) * self._page_words * 8)
        self._words = memoryview(self._map).cast("Q")

    def page(self, worker: int) -> Page:
        """Return the page of one worker, counted from 0."""
        return Page(self._words[worker * self._page_words : (worker + 1) * self._page_words])

    def collect(self) -> Iterator[Metric]:
        """Yield Prometheus's families, added up over all workers."""
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        requests = CounterMetricFamily(
            "holdfast_requests", "Requests answered, by operation and class of status.", labels=("operation", "status")
        )
        received = CounterMetricFamily(
            "holdfast_received_bytes", "Bytes of requests' bodies as they travelled.", labels=("operation",)
        )
        sent = CounterMetricFamily("holdfast_sent_bytes", "Bytes of answers' bodies.", labels=("operation",))
        duration = HistogramMetricFamily(
            "holdfast_request_duration_seconds",
            "From the end of a request's head to the last byte handed to the kernel.",
            labels=("operation",),
        )
        for index, name in enumerate(self.names):
            sums = self._sum(index)
            if not any(sums):
                continue
            for position, label in enumerate(_CLASSES):
                if sums[position]:
                    requests.add_metric((name, label), sums[position])
            received.add_metric((name,), sums[_BYTES_IN])
            sent.add_metric((name,), sums[_BYTES_OUT])
            running = 0
            buckets: list[tuple[str, float]] = []
            for bound, count in zip((*LATENCY_BOUNDS_US, None), sums[_BUCKETS:], strict=True):
                running += count
                buckets.append(("+Inf" if bound is None else str(bound / 1e6), running))
            duration.add_metric((name,), buckets, sum_value=sums[_DURATION] / 1e6)
        yield from (requests, received, sent, duration)

    def _sum(self, operation: int) -> list[int]:
        sums = [0] * _WIDTH
        for worker in range(self._worker_count):
            start = worker * self._page_words + operation * _WIDTH
            for position, value in enumerate(self._words[start : start + _WIDTH]):
                sums[position] += value
        return sums

    def exposition(self, more: Iterable[Metric] = ()) -> bytes:
        """Return everything in Prometheus's text format. `more` are gauges that the caller knows."""
        from prometheus_client import CollectorRegistry, generate_latest

        families = [*self.collect(), *more]

        class _Source:
            def collect(self) -> list[Metric]:
                return families

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Source())
        return generate_latest(registry)
