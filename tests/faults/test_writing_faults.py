"""Full disks and failing syncs under the real server: refused writes change nothing, reads go on, nothing acknowledged is lost."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.faults.load import BROKEN, body_bytes
from tests.faults.wire import Answer, Wire
from tests.serving import Store, serve

MIB = 1 << 20
WORKERS = 4
ENVIRONMENT = {"HOLDFAST_PART_BYTES_MIN": "1KiB"}
PATIENCE_S = 20.0
"""How long a test waits for what must come by itself, before it fails."""


def workers_of(store: Store) -> list[int]:
    """The pids of the workers: those of its children that listen."""
    pid = store.process.pid
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children[:WORKERS]


def status(store: Store) -> str:
    return Wire(store.endpoint_url, None).request("GET", "/health/ready").body.decode()


def await_true(is_so: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.02)


def check(wire: Wire, held: dict[str, bytes]) -> None:
    """Hold objects and the listing against what was acknowledged."""
    found = {key: size for key, size, _ in wire.listing()}
    assert found == {key: len(body) for key, body in held.items()}
    for key, body in held.items():
        answer = wire.get(key)
        assert (answer.status, answer.body == body) == (200, True), key


# --- full disks


@contextmanager
def small_disk(at: Path, size: str) -> Iterator[Callable[[str], None]]:
    """Mount a file system in memory, and give what changes its size. Needs root."""
    at.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", at], check=True)
    try:
        yield lambda size: (subprocess.run(["mount", "-o", f"remount,size={size}", at], check=True), None)[1]
    finally:
        subprocess.run(["umount", "-l", at], check=True)


def fill(wire: Wire, held: dict[str, bytes], size_bytes: int, prefix: str) -> Answer:
    """Put objects until one is refused, and return the refusal."""
    for number in range(10_000):
        key, body = f"{prefix}/{number:05}", body_bytes(number, size_bytes)
        answer = wire.put(key, body)
        if answer.status != 200:
            return answer
        held[key] = body
    raise AssertionError("the disk is never full")


@pytest.mark.parametrize("size_bytes", [MIB // 2, 2 * MIB])
def test_a_full_disk_refuses_bodies_and_nothing_else_and_writing_resumes_by_itself(
    tmp_path: Path, size_bytes: int
) -> None:
    held: dict[str, bytes] = {}
    with small_disk(tmp_path / "disk", "48m") as resize:
        with serve(tmp_path / "disk/home", workers=WORKERS, environment=ENVIRONMENT) as store:
            wire = Wire(store.endpoint_url, store.make_key("ten-o", "alice"))
            wire.make_bucket()
            refused = fill(wire, held, size_bytes, "full")
            assert (refused.status, refused.code) == (507, "InsufficientStorage")
            assert len(held) >= 3
            check(wire, held)
            # A refused overwrite leaves what was there.
            victim = min(held)
            assert wire.put(victim, body_bytes(99, 2 * MIB)).status == 507
            check(wire, held)
            # A multipart upload meets it too, and what it has stays.
            upload_id = wire.create_upload("joined")
            assert wire.put_part("joined", upload_id, 1, body_bytes(5, 2 * MIB)).status == 507
            # Deletes and aborts work.
            assert wire.delete(victim).status == 204
            del held[victim]
            assert wire.delete_many([min(held)]).status == 200
            del held[min(held)]
            assert wire.abort("joined", upload_id).status == 204
            check(wire, held)
            assert '"ok"' in status(store)

            resize("160m")
            await_true(lambda: wire.put("resumed", body_bytes(7, size_bytes)).status == 200, "writing does not resume")
            held["resumed"] = body_bytes(7, size_bytes)
            upload_id = wire.create_upload("joined")
            part = wire.put_part("joined", upload_id, 1, body_bytes(5, 2 * MIB))
            assert wire.complete("joined", upload_id, {1: part.etag}).status == 200
            held["joined"] = body_bytes(5, 2 * MIB)
            check(wire, held)
            assert store.stop() == 0
        with serve(tmp_path / "disk/home", workers=1) as store:
            wire.close()
            check(Wire(store.endpoint_url, wire.key), held)


def test_a_disk_that_others_fill_to_its_last_byte_still_lets_deletes_through(tmp_path: Path) -> None:
    held: dict[str, bytes] = {}
    with small_disk(tmp_path / "disk", "64m") as resize:
        with serve(tmp_path / "disk/home", workers=WORKERS, environment=ENVIRONMENT) as store:
            wire = Wire(store.endpoint_url, store.make_key("ten-o", "alice"))
            wire.make_bucket()
            for number in range(300):
                assert wire.put(f"k{number:03}", body_bytes(number, 4096)).status == 200
                held[f"k{number:03}"] = body_bytes(number, 4096)
            hog = tmp_path / "disk/hog"
            with hog.open("wb", buffering=0) as file:
                try:
                    while file.write(bytes(4096)):
                        pass
                except OSError:
                    pass
            assert wire.put("more", b"x" * 4096).status == 507
            check(wire, held)
            # They write more than the ballast holds.
            deleted = [key for key in sorted(held) if wire.delete(key).status == 204]
            assert len(deleted) == len(held), f"only {len(deleted)} of {len(held)} deletes found room"
            check(wire, {})
            hog.unlink()
            await_true(lambda: wire.put("resumed", b"y" * 4096).status == 200, "writing does not resume")
            check(wire, {"resumed": b"y" * 4096})
            assert '"ok"' in status(store)
            resize("64m")


def test_a_log_of_rows_that_finds_no_room_refuses_and_resumes(tmp_path: Path) -> None:
    held: dict[str, bytes] = {}
    with small_disk(tmp_path / "disk", "64m"):
        with serve(tmp_path / "disk/home", workers=WORKERS, environment=ENVIRONMENT) as store:
            wire = Wire(store.endpoint_url, store.make_key("ten-o", "alice"))
            wire.make_bucket()
            hog = tmp_path / "disk/hog"
            with hog.open("wb", buffering=0) as file:
                try:
                    while file.write(bytes(4096)):
                        pass
                except OSError:
                    pass
            # Empty objects are rows and nothing else: they use up the log's last page and then the ballast.
            answers = []
            for number in range(3000):
                answer = wire.put(f"{number:05}" + "x" * 900, b"")
                answers.append(answer.status)
                if answer.status == 200:
                    held[f"{number:05}" + "x" * 900] = b""
                elif len(answers) - len(held) > 20:
                    break
            assert 507 in answers
            assert set(answers) <= {200, 507}
            check(wire, held)
            hog.unlink()
            await_true(lambda: wire.put("resumed", b"").status == 200, "writing does not resume")
            held["resumed"] = b""
            check(wire, held)
        with serve(tmp_path / "disk/home", workers=1) as store:
            check(Wire(store.endpoint_url, wire.key), held)


# --- failing syncs


@contextmanager
def failing(pid: int, calls: str, log: Path) -> Iterator[None]:
    """Let system calls of one process fail with EIO."""
    words = ["strace", "-f", "-p", str(pid), "-o", str(log), "-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO"]
    tracer = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    try:
        assert tracer.stderr is not None
        for line in tracer.stderr:
            if re.search(r"attached", line):
                break
        threading.Thread(target=tracer.stderr.read, daemon=True).start()
        yield
    finally:
        tracer.terminate()
        tracer.wait()


@pytest.mark.parametrize("size_bytes", [0, 4096, 2 * MIB])
def test_a_failed_sync_makes_all_workers_read_only_until_a_restart(tmp_path: Path, size_bytes: int) -> None:
    held: dict[str, bytes] = {}
    tried: dict[str, bytes] = {}
    with serve(tmp_path / "home", workers=WORKERS, environment=ENVIRONMENT) as store:
        key = store.make_key("ten-o", "alice")
        wire = Wire(store.endpoint_url, key)
        wire.make_bucket()
        for number in range(8):
            assert wire.put(f"before{number}", body_bytes(number, 100_000)).status == 200
            held[f"before{number}"] = body_bytes(number, 100_000)
        upload_id = wire.create_upload("joined")
        part = wire.put_part("joined", upload_id, 1, body_bytes(5, 100_000))
        with failing(workers_of(store)[0], "fsync,fdatasync", tmp_path / "strace"):
            for number in range(1000):
                # A connection of its own each time, so that every worker is met, also the failing one.
                fresh = Wire(store.endpoint_url, key)
                body = body_bytes(number, size_bytes)
                answer = fresh.put(f"during{number:03}", body)
                fresh.close()
                tried[f"during{number:03}"] = body
                if answer.status != 200:
                    break
                held[f"during{number:03}"] = body
            assert (answer.status, answer.code) == (503, "ServiceUnavailable")
        check(wire, held)
        for _ in range(24):
            fresh = Wire(store.endpoint_url, key)
            assert fresh.put("after", b"x").status == 503
            assert fresh.delete("before0").status == 503
            assert fresh.complete("joined", upload_id, {1: part.etag}).status == 503
            assert fresh.get("before0").status == 200
            fresh.close()
        assert "read-only" in status(store)
        check(wire, held)
        assert '"level": "critical"' in store.log.read_text()
        store.stop()
    with serve(tmp_path / "home", workers=WORKERS, environment=ENVIRONMENT) as store:
        wire = Wire(store.endpoint_url, key)
        # The write that was refused because its sync failed may be there, whole, or not at all.
        for name, body in tried.items():
            if name not in held and wire.get(name).status == 200:
                held[name] = body
        check(wire, held)
        assert '"ok"' in status(store)
        assert wire.put("after", b"x").status == 200
        assert wire.complete("joined", upload_id, {1: part.etag}).status == 200
        check(wire, held | {"after": b"x", "joined": body_bytes(5, 100_000)})


def test_a_failed_sync_under_load_loses_nothing_acknowledged(tmp_path: Path) -> None:
    acknowledged: dict[str, bytes] = {}
    with serve(tmp_path / "home", workers=WORKERS, environment=ENVIRONMENT) as store:
        key = store.make_key("ten-o", "alice")
        Wire(store.endpoint_url, key).make_bucket()

        def load(name: str) -> None:
            wire = Wire(store.endpoint_url, key)
            for number in range(10_000):
                body = body_bytes(hash((name, number)) % 1000, 9000)
                if number % 20 == 19:
                    wire.close()  # the next one meets another worker
                try:
                    answer = wire.put(f"{name}/{number:05}", body)
                except BROKEN:
                    return
                if answer.status != 200:
                    assert answer.status == 503
                    return
                acknowledged[f"{name}/{number:05}"] = body

        threads = [threading.Thread(target=load, args=(f"t{number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        await_true(lambda: len(acknowledged) > 100, "the load does not begin")
        with failing(workers_of(store)[1], "fsync,fdatasync", tmp_path / "strace"):
            for thread in threads:
                thread.join(PATIENCE_S)
                assert not thread.is_alive(), "somebody still writes after a failed sync"
        store.stop()
    with serve(tmp_path / "home", workers=WORKERS) as store:
        wire = Wire(store.endpoint_url, key)
        found = {name: size for name, size, _ in wire.listing()}
        assert acknowledged.keys() <= found.keys()
        assert len(found) <= len(acknowledged) + 8
        for name in found:
            answer = wire.get(name)
            assert answer.status == 200
            assert answer.body == acknowledged.get(name, answer.body)
