"""The generation counter: one count for all processes and threads of a home."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

from holdfast.auth.generation import Generation


def raise_many(path: Path, count: int) -> None:
    generation = Generation.open(path)
    for _ in range(count):
        generation.raise_()
    generation.close()


def test_every_raise_of_every_process_and_thread_counts(tmp_path: Path) -> None:
    path = tmp_path / "generation"
    mine = Generation.open(path)
    assert mine.value() == 0
    spawn = multiprocessing.get_context("fork")
    workers = [spawn.Process(target=raise_many, args=(path, 20_000)) for _ in range(2)]
    threads = [threading.Thread(target=lambda: [mine.raise_() for _ in range(20_000)]) for _ in range(2)]
    for each in (*workers, *threads):
        each.start()
    for each in (*workers, *threads):
        each.join()
    assert mine.value() == 80_000
    mine.close()
    mine.close()


def test_the_count_outlives_those_who_raised_it(tmp_path: Path) -> None:
    raise_many(tmp_path / "generation", 3)
    again = Generation.open(tmp_path / "generation")
    assert again.value() == 3
    again.close()
