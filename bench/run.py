"""Server CPU seconds per 1,000 requests and per GB, beside nginx serving files in the same run.

    python bench/run.py [--quick] [--only 'GET 4 KiB'] [--core 0] [--table docs/reference/benchmark.md]

The server under test is pinned to one core, with one worker; the loader runs on another. CPU time is what the kernel
charged the server's processes between the first request and the last answer (user + system), so a noisy neighbour
changes the wall clock
and not the figure.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.load import Credentials, Prepared, prepare, run_load

KIB, MIB = 1024, 1024**2
SIZES = {"4 KiB": 4 * KIB, "64 KiB": 64 * KIB, "1 MiB": MIB, "64 MiB": 64 * MIB}
COUNTS = {"4 KiB": 20_000, "64 KiB": 6_000, "1 MiB": 400, "64 MiB": 12}
TARGETS = {
    "GET 4 KiB": 0.15, "HEAD 4 KiB": 0.12, "PUT 4 KiB": 0.25, "DELETE 4 KiB": 0.2, "GET 64 KiB": 0.2, "PUT 64 KiB": 0.5,
    "LIST 1,000": 8.0, "GET 64 MiB": 0.7, "PUT 64 MiB": 3.0, "DeleteObjects 1,000": 0.15 * 1000,
}  # fmt: skip
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Figure(NamedTuple):
    """One measurement. `cpu_s` is the server's."""

    case: str
    requests: int
    payload_bytes: int
    cpu_s: float
    wall_s: float

    @property
    def cpu_s_per_1000(self) -> float:
        return self.cpu_s / self.requests * 1000

    @property
    def cpu_s_per_gb(self) -> float | None:
        return self.cpu_s / (self.payload_bytes / 1e9) if self.payload_bytes >= 50_000_000 else None


@dataclass
class Server:
    """A server under test: its address, its processes and who may ask it."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    credentials: Credentials | None

    def cpu_s(self) -> float:
        """CPU seconds that the kernel has charged the process and its living descendants."""
        return sum(_cpu_s(pid) for pid in _family(self.process.pid))

    def private_bytes(self) -> int:
        """The unshared memory of the largest process."""
        return max(_private_bytes(pid) for pid in _family(self.process.pid))


def _family(pid: int) -> list[int]:
    found = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _family(int(child))
    return found


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def _private_bytes(pid: int) -> int:
    total = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_"):
            total += int(line.split()[1]) * KIB
    return total


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise SystemExit(f"the server ended with {process.returncode} before it was ready")
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"{url} does not answer")


@contextlib.contextmanager
def holdfast(home: Path, core: int) -> Iterator[Server]:
    """A store of one worker on one core, with a tenancy, a user and a key."""
    port, tls_port = _free_port(), _free_port()
    command = [sys.executable, "-m", "holdfast.cli.main"]

    def admin(*arguments: str) -> str:
        return subprocess.run(
            [*command, *arguments, "--home", str(home)], check=True, capture_output=True, text=True
        ).stdout

    if not home.exists():
        home.mkdir(mode=0o700)
        # The portal is another process with work of its own: it would be charged to S3.
        (home / "holdfast.toml").write_text("portal = []\n")
        admin("tenancy", "create", "bench-o", "--quota", "100TB")
        admin("user", "create", "bench")
        admin("member", "add", "bench-o", "bench", "--role", "USER")
    key = json.loads(admin("key", "create", "bench-o", "bench", "--json"))
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command, "serve", "--home", str(home), "--workers", "1",
         "--s3", f"127.0.0.1:{port}", "--s3-tls", f"127.0.0.1:{tls_port}"],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(f"http://127.0.0.1:{port}/health/ready", process)
        yield Server("holdfast", process, port, Credentials(key["token"], key["secret"]))
    finally:
        process.terminate()
        process.wait(40)


@contextlib.contextmanager
def nginx(root: Path, core: int) -> Iterator[Server]:
    """nginx serving files from a directory with sendfile, one worker: what a plain read of these bytes costs."""
    port = _free_port()
    config = root / "nginx.conf"
    config.write_text(
        f"{'user root; ' if os.geteuid() == 0 else ''}daemon off; worker_processes 1;"
        f" pid {root}/nginx.pid; error_log {root}/error.log;"
        f"events {{ worker_connections 256; }} http {{ access_log off; sendfile on; keepalive_requests 1000000;"
        f" server {{ listen 127.0.0.1:{port}; root {root}/files; }} }}\n"
    )
    process = subprocess.Popen(["taskset", "-c", str(core), "nginx", "-c", str(config), "-p", str(root)])
    try:
        _wait_for(f"http://127.0.0.1:{port}/ready", process)
        yield Server("nginx", process, port, None)
    finally:
        process.terminate()
        process.wait(10)


def measure(server: Server, case: str, requests: Sequence[Prepared], payload_bytes: int) -> Figure:
    """Send the requests once and return what they cost the server. Stops the run at the first refused one."""
    before, began = server.cpu_s(), time.perf_counter()
    tally = run_load(("127.0.0.1", server.port), requests)
    wall, cpu = time.perf_counter() - began, server.cpu_s() - before
    if tally.failed or tally.done != len(requests):
        raise SystemExit(f"{case}: {tally.done} done, {tally.failed} failed: {tally.first_failure[:600]!r}")
    return Figure(case, len(requests), payload_bytes * len(requests), cpu, wall)


def run_holdfast(server: Server, scale: float, wanted: Callable[[str], bool]) -> list[Figure]:
    """Measure every case on one bucket; what is read was written by this run."""
    host = f"127.0.0.1:{server.port}"
    numbers = random.Random(5)

    def request(method: str, path: str, query: str = "", body: bytes = b"") -> Prepared:
        return prepare(method, host, path, query, body, server.credentials)

    run_load(("127.0.0.1", server.port), [request("PUT", "/bench")])
    figures: list[Figure] = []
    for label, size in SIZES.items():
        if not any(wanted(f"{verb} {label}") for verb in ("PUT", "GET", "HEAD", "DELETE")):
            continue
        count = max(4, int(COUNTS[label] * scale))
        body = numbers.randbytes(size)
        keys = [f"/bench/{label.replace(' ', '')}/{number:07}" for number in range(count)]
        figures.append(measure(server, f"PUT {label}", [request("PUT", key, "", body) for key in keys], size))
        order = [numbers.choice(keys) for _ in keys]
        figures.append(measure(server, f"GET {label}", [request("GET", key) for key in order], size))
        figures.append(measure(server, f"HEAD {label}", [request("HEAD", key) for key in order], 0))
        if label == "4 KiB":
            pages = max(20, int(200 * scale))
            listing = [request("GET", "/bench", "list-type=2&max-keys=1000")] * pages
            figures.append(measure(server, "LIST 1,000", listing, 0))
            batch, keys = keys[: len(keys) // 2 // 1000 * 1000], keys[len(keys) // 2 // 1000 * 1000 :]
            deletes = []
            for start in range(0, len(batch), 1000):
                names = "".join(f"<Object><Key>{key[7:]}</Key></Object>" for key in batch[start : start + 1000])
                deletes.append(
                    request("POST", "/bench", "delete=", f"<Delete><Quiet>true</Quiet>{names}</Delete>".encode())
                )
            if deletes:
                figures.append(measure(server, "DeleteObjects 1,000", deletes, 0))
        figures.append(measure(server, f"DELETE {label}", [request("DELETE", key) for key in keys], 0))
    return figures


def run_nginx(server: Server, root: Path, scale: float) -> list[Figure]:
    """Measure GET of files of the same sizes."""
    figures = []
    for label, size in SIZES.items():
        count = max(4, int(COUNTS[label] * scale))
        (root / "files" / "payload").write_bytes(os.urandom(size))
        requests = [prepare("GET", "localhost", "/payload")] * count
        figures.append(measure(server, f"GET {label}", requests, size))
    return figures


def table(figures: Sequence[Figure], beside: Sequence[Figure]) -> str:
    """Return the result as Markdown."""
    others = {figure.case: figure for figure in beside}
    lines = [
        "| case | requests | CPU s/1,000 | aim | CPU s/GB | requests/s | nginx CPU s/1,000 | ratio |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for figure in figures:
        other = others.get(figure.case)
        per_gb = figure.cpu_s_per_gb
        target = TARGETS.get(figure.case)
        aim = "" if target is None else f"{target:g} a GB" if "64 MiB" in figure.case else f"{target:g}"
        rate = figure.requests / figure.wall_s
        cells = [figure.case, f"{figure.requests}", f"{figure.cpu_s_per_1000:.3f}", aim]
        cells += ["" if per_gb is None else f"{per_gb:.2f}", f"{rate:.0f}"]
        if other is not None:
            ratio = figure.cpu_s_per_1000 / max(other.cpu_s_per_1000, 1e-9)
            cells += [f"{other.cpu_s_per_1000:.3f}", f"{ratio:.1f}"]
        else:
            cells += ["", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests")
    parser.add_argument("--scale", type=float, default=1.0, help="multiply the number of requests")
    parser.add_argument("--only", default="", help="only sizes of which a case contains this text")
    parser.add_argument("--core", type=int, default=0, help="the processor that the servers are pinned to")
    parser.add_argument("--no-nginx", action="store_true", help="leave nginx out")
    parser.add_argument("--table", type=Path, help="write the table to this file too")
    options = parser.parse_args()
    scale = options.scale * (0.1 if options.quick else 1.0)
    others = sorted(os.sched_getaffinity(0) - {options.core})
    if others:
        os.sched_setaffinity(0, others)
    figures: list[Figure] = []
    beside: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        root = Path(name)
        with holdfast(root / "home", options.core) as server:
            figures = run_holdfast(server, scale, lambda case: options.only in case)
            memory = server.private_bytes()
        shutil.rmtree(root / "home")
        if not options.no_nginx:
            (root / "files").mkdir()
            (root / "files" / "ready").write_text("ok")
            with nginx(root, options.core) as server:
                beside = run_nginx(server, root, scale)
    text = table(figures, beside)
    print(text)
    print(f"\nunshared memory of the largest process: {memory / MIB:.1f} MiB")
    if options.table:
        options.table.write_text(
            "# Benchmark\n\nMade by `make bench BENCH='--table docs/reference/benchmark.md'` on "
            f"{time.strftime('%Y-%m-%d', time.gmtime())}: server pinned to one core, 32 keep-alive connections, every"
            f" request signed with its payload's hash, every write durable.\n\n{text}\n\n"
            f"Unshared memory of the largest process: {memory / MIB:.1f} MiB.\n"
        )


if __name__ == "__main__":
    main()
