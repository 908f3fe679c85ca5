"""`holdfast serve` as processes: one for each home, restarted, drained, and told of in a sentence when it can't."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.serving import CannotStart, Key, Store, serve

from holdfast.admin.site import set_site_setting
from holdfast.admin.tenancies import create_tenancy
from holdfast.assemble import open_home
from holdfast.config import load_settings
from holdfast.edge import supervisor
from holdfast.telemetry.board import Board

from .conftest import Wire, raw_head

PATIENCE_S = 20
READY = raw_head("GET", "/health/ready", {"host": "a"})


def wait_until(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline_s, "it never came to hold"


def workers_of(store: Store, count: int) -> set[int]:
    """The pids in the first slots of the board: those after them are no workers."""
    return {each.pid for each in Board.open(store.home / "run" / "board").living() if each.slot < count}


def port_of(store: Store) -> int:
    return int(store.facts["s3"][0].rpartition(":")[2])


def test_a_home_is_served_once(tmp_path: Path) -> None:
    with serve(tmp_path / "home") as store:
        with pytest.raises(CannotStart, match="is served already, by process"):
            with serve(tmp_path / "home"):
                pass
        assert store.process.poll() is None


def test_the_workers_of_a_killed_supervisor_are_given_the_time_to_drain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "LOCK_WAIT_S", 0.0)
    settings = load_settings(tmp_path / "home", {}, {})
    home = open_home(settings, create=True)
    gone = subprocess.Popen(["true"])
    gone.wait()
    lock = (home.run / "serve.lock").open("w")
    lock.write(f"{gone.pid}\n")
    lock.flush()
    fcntl.flock(lock, fcntl.LOCK_EX)
    looks = iter(range(3))

    def drain(seconds: float) -> None:
        if next(looks) == 2:
            lock.close()  # the last of them has ended

    monkeypatch.setattr(supervisor.time, "sleep", drain)
    ours = supervisor.Supervisor(settings, home)
    ours._take_lock()
    assert (home.run / "serve.lock").read_text() == f"{os.getpid()}\n"
    os.close(ours._lock_fd)


def test_a_taken_port_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"127.0.0.1:{port} is taken by another program"):
            with serve(tmp_path / "home", s3=(f"127.0.0.1:{port}",)):
                pass


def test_a_default_tenancy_that_is_not_there_is_said_in_a_sentence_and_may_still_be_made(tmp_path: Path) -> None:
    with serve(tmp_path / "home", "--default-tenancy", "later") as store:
        assert "holdfast: the default tenancy: there is no tenancy `later` in " in store.log.read_text()
        with store.office() as office:
            create_tenancy(office, "later")
        assert Wire(port_of(store)).send(READY).read().status == 200


def test_two_homes_never_share_a_port(tmp_path: Path) -> None:
    with serve(tmp_path / "one") as store:
        with pytest.raises(CannotStart, match="is taken"):
            with serve(tmp_path / "two", s3=(f"127.0.0.1:{port_of(store)}",)):
                pass


def test_a_worker_that_dies_is_started_again_and_no_connection_is_refused(tmp_path: Path) -> None:
    with serve(tmp_path / "home", workers=1) as store:
        (before,) = workers_of(store, 1)
        os.kill(before, signal.SIGKILL)
        # The socket outlives the worker: this connection waits for the next one.
        wire = Wire(port_of(store))
        assert wire.send(READY).read().status == 200
        (after,) = workers_of(store, 1)
        assert after != before
        wire.close()


def put(store: Store, key: Key) -> tuple[str, str]:
    """Put an object on a connection of its own; return which worker answered, and what it refused."""
    client = store.client(key)
    try:
        client.put_object(Bucket="data", Key="k", Body=b"x")
        answer: Any = client.head_object(Bucket="data", Key="k")
    except ClientError as error:
        answer = error.response
    finally:
        client.close()
    refusal = answer.get("Error", {})
    return answer["ResponseMetadata"]["HostId"], f"{refusal.get('Code', '')} {refusal.get('Message', '')}"


def test_every_worker_heeds_a_switch_of_the_site_once_the_command_has_returned(tmp_path: Path) -> None:
    with serve(tmp_path / "home", workers=2) as store:
        key = store.make_key("my-o", "alice")
        store.client(key).create_bucket(Bucket="data")
        for reason in ("new disks", None, "once more"):
            with store.office() as office:
                set_site_setting(office, "read_only", reason)
            workers = set()
            while len(workers) < 2:
                worker, refusal = put(store, key)
                workers.add(worker)
                assert refusal.startswith("SiteReadOnly") == (reason is not None)
                assert (reason or "") in refusal


def test_sigterm_lets_a_request_in_flight_finish(tmp_path: Path) -> None:
    with serve(tmp_path / "home", workers=1) as store:
        key = store.make_key("my-o", "alice")
        client = store.client(key, signature_version="s3v4")
        client.create_bucket(Bucket="data")
        wire = Wire(port_of(store))
        url = client.generate_presigned_url("put_object", Params={"Bucket": "data", "Key": "k"})
        target = url.partition(f":{port_of(store)}")[2]
        head = raw_head("PUT", target, {"host": store.facts["s3"][0], "content-length": "6", "expect": "100-continue"})
        assert wire.send(head).read().status == 100
        store.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not _accepts(store))
        answered = wire.send(b"abcdef").read()
        assert (answered.status, answered.headers["connection"]) == (200, "close")
        assert store.stop() == 0
        wire.close()
    with serve(tmp_path / "home") as store:
        assert store.client(key).get_object(Bucket="data", Key="k")["Body"].read() == b"abcdef"


def test_when_the_supervisor_is_killed_the_workers_go_too_and_the_home_can_be_served_again(tmp_path: Path) -> None:
    with serve(tmp_path / "home", workers=2) as store:
        workers = workers_of(store, 2)
        assert len(workers) == 2
        store.process.kill()
        store.process.wait()
        with serve(tmp_path / "home", workers=2) as again:
            assert workers.isdisjoint(workers_of(again, 2))


def test_ipv6_is_served(tmp_path: Path) -> None:
    with serve(tmp_path / "home", s3=("[::1]:0",)) as store:
        assert store.facts["s3"][0].startswith("[::1]:")
        client = store.client(store.make_key("my-o", "alice"))
        client.create_bucket(Bucket="data")
        assert client.list_buckets()["Buckets"][0]["Name"] == "data"


def _accepts(store: Store) -> bool:
    """Whether a new connection is served."""
    try:
        wire = Wire(port_of(store))
    except ConnectionRefusedError:
        return False
    try:
        return wire.send(READY).read().status == 200
    except (EOFError, OSError):
        return False
    finally:
        wire.close()
