"""Races over a server of four workers: one winner, exact quotas, and refusals that every worker knows of at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from tests.faults.load import body_bytes, join, make_body
from tests.faults.wire import Answer, Wire
from tests.serving import Key, Store, serve

from holdfast.admin.access_keys import revoke_access_key
from holdfast.admin.lookups import get_tenancy
from holdfast.admin.members import add_member, remove_member
from holdfast.admin.quotas import set_tenancy_quota
from holdfast.admin.tenancies import resume_tenancy, suspend_tenancy
from holdfast.admin.usage import tenancy_usage
from holdfast.auth.roles import Role

MIB = 1 << 20
WORKERS = 4
REFUSED_S = 1.0
SLACK_S = 1.0


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    home = tmp_path_factory.mktemp("races") / "home"
    with serve(home, workers=WORKERS, environment={"HOLDFAST_PART_BYTES_MIN": "1KiB"}) as store:
        yield store


@pytest.fixture
def key(store: Store, request: pytest.FixtureRequest) -> Key:
    """A key of a tenancy of this test's own, with a bucket."""
    key = store.make_key(f"t{abs(hash(request.node.name)) % 10**9}-o", "alice", Role.MANAGER)
    with Wire(store.endpoint_url, key) as wire:
        assert wire.make_bucket().status == 200
    return key


def at_once(store: Store, key: Key, attempts: list[Callable[[Wire], Answer]]) -> list[Answer]:
    """Let each attempt go at the same moment over a connection of its own, and return their answers in order."""
    answers: dict[int, Answer] = {}
    gate = threading.Barrier(len(attempts))

    def run(index: int) -> None:
        with Wire(store.endpoint_url, key) as wire:
            wire.head("warm")  # the connection is there before the race begins
            gate.wait(30)
            answers[index] = attempts[index](wire)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(attempts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [answers[index] for index in range(len(attempts))]


@contextmanager
def everywhere(store: Store, key: Key, count: int = 24) -> Iterator[list[Wire]]:
    """Open so many connections that every worker has some, as the kernel spreads them."""
    wires = [Wire(store.endpoint_url, key) for _ in range(count)]
    try:
        hosts = {wire.head("x").headers["x-amz-id-2"] for wire in wires}
        while len(hosts) < WORKERS:
            wires.append(Wire(store.endpoint_url, key))
            hosts.add(wires[-1].head("x").headers["x-amz-id-2"])
            assert len(wires) < 500
        yield wires
    finally:
        for wire in wires:
            wire.close()


def used_bytes(store: Store, key: Key) -> int:
    with store.office() as office, office.read() as rows:
        usage = tenancy_usage(rows, get_tenancy(rows, key.tenancy))
    return usage.live_bytes + usage.upload_bytes


@pytest.mark.parametrize("size_bytes", [10, 2 * MIB])
def test_of_sixteen_creators_exactly_one_wins(store: Store, key: Key, size_bytes: int) -> None:
    for number in range(4):
        bodies = [body_bytes(racer, size_bytes) for racer in range(16)]
        attempts = [partial(Wire.put, key=f"k{number}", body=body, if_none_match="*") for body in bodies]
        answers = at_once(store, key, attempts)
        assert Counter(answer.status for answer in answers) == {200: 1, 412: 15}
        winner = next(index for index, answer in enumerate(answers) if answer.status == 200)
        with Wire(store.endpoint_url, key) as wire:
            assert wire.get(f"k{number}").body == bodies[winner]


def test_increments_with_if_match_lose_nothing(store: Store, key: Key) -> None:
    with Wire(store.endpoint_url, key) as wire:
        wire.put("counter", b"0")

    def increment(wire: Wire) -> Answer:
        done = 0
        while done < 10:
            seen = wire.get("counter")
            answer = wire.put("counter", b"%d" % (int(seen.body) + 1), if_match=f'"{seen.etag}"')
            assert answer.status in (200, 412), answer
            done += answer.status == 200
        return answer

    at_once(store, key, [increment] * 6)
    with Wire(store.endpoint_url, key) as wire:
        assert wire.get("counter").body == b"60"


def test_complete_and_abort_exclude_each_other(store: Store, key: Key) -> None:
    outcomes: Counter[str] = Counter()
    with Wire(store.endpoint_url, key) as wire:
        for number in range(20):
            name, part = f"joined{number}", make_body(number, 5000)
            upload_id = wire.create_upload(name)
            assert wire.put_part(name, upload_id, 1, part.bytes()).status == 200
            completed, aborted = at_once(
                store,
                key,
                [
                    partial(Wire.complete, key=name, upload_id=upload_id, etags={1: part.etag}),
                    partial(Wire.abort, key=name, upload_id=upload_id),
                ],
            )
            found = wire.get(name)
            if completed.status == 200:
                outcomes["completed"] += 1
                # AWS answers 204 to the abort of an upload that is completed, and the object stays.
                assert aborted.status in (204, 404)
                assert (found.status, found.etag, found.body) == (200, join([part]).etag, part.bytes())
            else:
                outcomes["aborted"] += 1
                assert (completed.status, completed.code, aborted.status) == (404, "NoSuchUpload", 204)
                assert found.status == 404
    print(outcomes)
    assert used_bytes(store, key) == 5000 * outcomes["completed"]


def test_a_listing_through_any_worker_shows_what_was_acknowledged_by_any_other(store: Store, key: Key) -> None:
    with everywhere(store, key) as wires:
        expected: dict[str, int] = {}
        for number in range(120):
            writer, reader = wires[number % len(wires)], wires[(number * 7 + 3) % len(wires)]
            name = f"k{number % 40:02}"
            if number % 5 == 4:
                assert writer.delete(name).status == 204
                expected.pop(name, None)
            else:
                assert writer.put(name, b"x" * number).status == 200
                expected[name] = number
            assert {found: size for found, size, _ in reader.listing()} == expected
            answer = reader.get(name)
            assert (answer.status, len(answer.body)) == (
                (200, expected[name]) if name in expected else (404, len(answer.body))
            )


# --- quotas


def set_quota(store: Store, key: Key, limit_bytes: int | None, limit_objects: int | None = None) -> None:
    with store.office() as office:
        set_tenancy_quota(office, key.tenancy, limit_bytes=limit_bytes, limit_objects=limit_objects)


@pytest.mark.parametrize("size_bytes", [100_000, 3 * MIB, 9 * MIB])
def test_eight_writers_fill_a_quota_to_its_last_write_and_never_past_it(
    store: Store, key: Key, size_bytes: int
) -> None:
    # 9 MiB is above the size from which a body holds a reservation while it comes.
    fitting = 5
    set_quota(store, key, fitting * size_bytes + size_bytes // 2)
    body = body_bytes(1, size_bytes) if size_bytes < 4 * MIB else bytes(size_bytes)
    most = [0]
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            most[0] = max(most[0], used_bytes(store, key))
            done.wait(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    answers = at_once(store, key, [lambda wire, n=number: wire.put(f"k{n}", body) for number in range(8)])
    kept = sum(answer.status == 200 for answer in answers)
    assert {answer.code for answer in answers if answer.status != 200} <= {"QuotaExceeded"}
    # A body that lost to a reservation which then came to nothing was refused rightly; none was lost here, so all fit.
    assert kept == fitting
    done.set()
    watcher.join()
    assert used_bytes(store, key) == fitting * size_bytes
    assert most[0] <= fitting * size_bytes + size_bytes // 2
    with Wire(store.endpoint_url, key) as wire:
        # What fits to the last byte is let in, and one byte more is not.
        assert wire.put("rest", bytes(size_bytes // 2)).status == 200
        assert wire.put("more", b"x").code == "QuotaExceeded"
        # Overwriting by as much or less, deleting and aborting work at 100 %.
        assert wire.put("rest", bytes(size_bytes // 2)).status == 200
        assert wire.put("rest", bytes(size_bytes // 4)).status == 200
        assert wire.delete("rest").status == 204
    assert used_bytes(store, key) == fitting * size_bytes


def test_parallel_parts_never_pass_a_quota_and_none_that_fits_is_refused(store: Store, key: Key) -> None:
    set_quota(store, key, 5 * MIB + 100)
    with Wire(store.endpoint_url, key) as wire:
        upload_id = wire.create_upload("joined")
        part = body_bytes(3, MIB)
        answers = at_once(
            store, key, [lambda wire, n=number: wire.put_part("joined", upload_id, n, part) for number in range(1, 9)]
        )
        kept = {number: answer.etag for number, answer in enumerate(answers, 1) if answer.status == 200}
        assert len(kept) == 5
        assert {answer.code for answer in answers if answer.status != 200} == {"QuotaExceeded"}
        assert used_bytes(store, key) == 5 * MIB
        # A part in the place of another needs no more room, and Complete needs none.
        number = min(kept)
        again = wire.put_part("joined", upload_id, number, body_bytes(4, MIB))
        assert again.status == 200
        assert wire.complete("joined", upload_id, kept | {number: again.etag}).status == 200
        assert used_bytes(store, key) == 5 * MIB
        assert wire.copy("joined", "copied").code == "QuotaExceeded"
        assert wire.delete("joined").status == 204
        assert used_bytes(store, key) == 0


def test_a_quota_of_objects_is_exact_too(store: Store, key: Key) -> None:
    set_quota(store, key, None, 5)
    answers = at_once(store, key, [lambda wire, n=number: wire.put(f"k{n}", b"x") for number in range(12)])
    assert Counter(answer.status for answer in answers) == {200: 5, 403: 7}


def test_a_body_cut_off_frees_what_it_had_reserved(store: Store, key: Key) -> None:
    set_quota(store, key, 10 * MIB)
    for _ in range(3):
        with Wire(store.endpoint_url, key) as wire:
            wire.start_put("big", 9 * MIB, bytes(MIB))
    deadline_s = time.monotonic() + 20
    with Wire(store.endpoint_url, key) as wire:
        while wire.put("fits", bytes(9 * MIB)).status != 200:
            assert time.monotonic() < deadline_s, "the quota of a body that was cut off is never freed"
            time.sleep(0.05)


# --- refusals that everybody knows of


def await_refusal(wires: list[Wire], code: str) -> float:
    """Return how long it took until every connection, and so every worker, refused, and none let anything in again."""
    began_s = time.monotonic()
    waiting = list(wires)
    while waiting:
        assert time.monotonic() - began_s < REFUSED_S + SLACK_S, "somebody is still let in"
        waiting = [wire for wire in waiting if wire.put("x", b"x").status == 200]
    took_s = time.monotonic() - began_s
    for wire in wires:
        answer = wire.get("there")
        assert (answer.status, answer.code) == (403, code)
    return took_s


def test_a_revoked_key_is_refused_by_every_worker_within_a_second(store: Store, key: Key) -> None:
    doomed = store.make_key(key.tenancy, "alice", None)
    with everywhere(store, doomed) as wires:
        assert wires[0].put("there", b"x").status == 200
        with store.office() as office:
            revoke_access_key(office, doomed.token)
        await_refusal(wires, "InvalidAccessKeyId")
        with Wire(store.endpoint_url, key) as other:
            assert other.get("there").status == 200


def test_a_key_that_expires_is_refused_by_every_worker_at_once(store: Store, key: Key) -> None:
    ends_us = time.time_ns() // 1000 + 3_000_000
    doomed = store.make_key(key.tenancy, "alice", None, expires_at_us=ends_us)
    with everywhere(store, doomed) as wires:
        assert wires[0].put("there", b"x").status == 200
        time.sleep(max(0, ends_us / 1e6 - time.time()))
        for wire in wires:
            assert wire.get("there").code == "InvalidAccessKeyId"


def test_a_suspended_tenancy_is_refused_by_every_worker_at_once_and_comes_back(store: Store, key: Key) -> None:
    with everywhere(store, key) as wires:
        assert wires[0].put("there", b"x").status == 200
        with store.office() as office:
            suspend_tenancy(office, key.tenancy, "test")
        for wire in wires:
            answer = wire.get("there")
            assert (answer.status, answer.code) == (403, "TenancySuspended")
        with store.office() as office:
            resume_tenancy(office, key.tenancy)
        for wire in wires:
            assert wire.get("there").status == 200


def test_a_removed_member_is_refused_by_every_worker_within_a_second(store: Store, key: Key) -> None:
    doomed = store.make_key(key.tenancy, "bob")
    with everywhere(store, doomed) as wires:
        assert wires[0].request("PUT", "/bobs").status == 200
        with store.office() as office:
            remove_member(office, key.tenancy, "bob")
        began_s = time.monotonic()
        for wire in wires:
            while wire.request("GET", "/bobs").status == 200:
                assert time.monotonic() - began_s < REFUSED_S + SLACK_S


def test_a_member_of_a_lower_role_may_do_as_little_everywhere_within_a_second(store: Store, key: Key) -> None:
    scoped = store.make_key(key.tenancy, "carol", Role.MANAGER)
    with everywhere(store, scoped) as wires:
        assert wires[0].request("GET", "/").status == 200
        assert wires[0].put("there", b"x").status == 200
        with store.office() as office:
            add_member(office, key.tenancy, "carol", Role.GUEST, until_us=time.time_ns() // 1000 + 10**12)
        began_s = time.monotonic()
        for wire in wires:
            while wire.put("there", b"x").status == 200:
                assert time.monotonic() - began_s < REFUSED_S + SLACK_S
