"""Does a request cost the same in a bucket of a thousand keys and of a million? CPU seconds per 1,000 requests.

    python bench/growth.py [--keys 1000 1000000] [--core 0]

The keys are put into the catalog in bulk, through the store's own functions and all onto one blob; what is measured
then goes through the server.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.load import Prepared, prepare, run_load
from bench.run import MIB, Server, holdfast, measure

from holdfast.assemble import open_blobs, open_catalog, open_home
from holdfast.blobs.interface import Slice
from holdfast.catalog.interface import Transaction
from holdfast.catalog.rows import BUCKETS, TENANCIES
from holdfast.config import Settings
from holdfast.store import versions

BODY = b"x" * 4096
BATCH = 2_000
REQUESTS = 10_000


def key_of(number: int) -> str:
    """Spread the keys over prefixes as a Zarr store does."""
    return f"array/{number % 97:02}/{number:08}"


def fill(home_path: Path, key_count: int) -> None:
    """Put so many keys into the bucket `bench`."""
    home = open_home(Settings(home=home_path), create=False)
    catalog, blobs = open_catalog(home), open_blobs(home)
    staged = blobs.stage(len(BODY))
    staged.write(BODY)
    staged.seal()
    (slices,) = blobs.flush([staged])
    with catalog.read() as rows:
        (tenancy,) = rows.scan(TENANCIES, ("bench-o",), index="by_name")
        bucket = rows.find(BUCKETS, (tenancy.tenancy_id, "bench"))
    assert bucket is not None

    def put_all(tx: Transaction, first: int, places: tuple[Slice, ...]) -> None:
        body = versions.Body(len(BODY), "0" * 32, "", places)
        for number in range(first, min(first + BATCH, key_count)):
            versions.put(
                tx, tenancy, bucket, key_of(number), versions.Facts(), body,
                version_id=f"v{number}", created_by=bucket.owner_id, now_us=time.time_ns() // 1000,
            )  # fmt: skip

    for first in range(0, key_count, BATCH):
        (outcome,) = catalog.commit([lambda tx, at=first: put_all(tx, at, slices)])  # type: ignore[misc]
        if outcome.error is not None:
            raise outcome.error
    blobs.close()
    catalog.close()


def requests_of(server: Server, key_count: int) -> dict[str, list[Prepared]]:
    """Return what is sent, by case: random keys, pages from random places, and new keys."""
    numbers = random.Random(7)
    host = f"127.0.0.1:{server.port}"

    def request(method: str, path: str, query: str = "", body: bytes = b"") -> Prepared:
        return prepare(method, host, path, query, body, server.credentials)

    some = [f"/bench/{key_of(numbers.randrange(key_count))}" for _ in range(REQUESTS)]
    pages = [key_of(numbers.randrange(key_count)).replace("/", "%2F") for _ in range(200)]
    return {
        "GET": [request("GET", path) for path in some],
        "HEAD": [request("HEAD", path) for path in some],
        "LIST 100": [request("GET", "/bench", f"list-type=2&max-keys=100&start-after={page}") for page in pages],
        "LIST prefixes": [request("GET", "/bench", "delimiter=%2F&list-type=2&prefix=array%2F")] * 50,
        "PUT": [request("PUT", f"/bench/new/{number:07}", "", BODY) for number in range(REQUESTS // 2)],
        "DELETE": [request("DELETE", f"/bench/new/{number:07}") for number in range(REQUESTS // 2)],
    }


def table(results: dict[int, dict[str, float]]) -> str:
    """Return the figures as Markdown, a row for each case."""
    counts = list(results)
    lines = [
        f"| case | {' | '.join(f'{key_count:,} keys' for key_count in counts)} | last / first |",
        f"|---|{'---:|' * (len(counts) + 1)}",
    ]
    for case in results[counts[0]]:
        figures = [results[key_count][case] for key_count in counts]
        cells = [f"{figure:.3f}" for figure in figures] + [f"{figures[-1] / max(figures[0], 1e-9):.2f}"]
        lines.append(f"| {case} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, nargs="+", default=[1_000, 1_000_000])
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--table", type=Path, help="write the table to this file too")
    options = parser.parse_args()
    others = sorted(os.sched_getaffinity(0) - {options.core})
    if others:
        os.sched_setaffinity(0, others)
    results: dict[int, dict[str, float]] = {}
    for key_count in options.keys:
        with tempfile.TemporaryDirectory(prefix="holdfast-growth-") as name:
            home = Path(name) / "home"
            with holdfast(home, options.core) as server:
                run_load(
                    ("127.0.0.1", server.port),
                    [prepare("PUT", f"127.0.0.1:{server.port}", "/bench", "", b"", server.credentials)],
                )
            began = time.perf_counter()
            fill(home, key_count)
            print(f"{key_count} keys put in bulk in {time.perf_counter() - began:.1f} s", flush=True)
            began = time.perf_counter()
            with holdfast(home, options.core) as server:
                print(
                    f"ready after {time.perf_counter() - began:.2f} s, commands that made the key included", flush=True
                )
                cases = requests_of(server, key_count)
                results[key_count] = {
                    case: measure(server, case, requests, 0).cpu_s_per_1000 for case, requests in cases.items()
                }
                print(f"unshared memory of the largest process: {server.private_bytes() / MIB:.1f} MiB", flush=True)
    text = table(results)
    print(text)
    if options.table:
        options.table.write_text(
            "# Growth\n\nServer CPU seconds for 1,000 requests by the number of keys in the bucket. Made by"
            " `python bench/growth.py --table docs/reference/growth.md` on"
            f" {time.strftime('%Y-%m-%d', time.gmtime())}, under the same conditions as the {{doc}}`benchmark`.\n\n"
            f"{text}\n"
        )


if __name__ == "__main__":
    main()
