"""How long the portal's pages take: server time of each, with many tenancies and people and a bucket of a million keys.

    python bench/portal.py                     50 tenancies, 2,000 people, 1,000,000 objects; 40 visits a page
    python bench/portal.py --objects 10000     quicker, to see whether it runs
    python bench/portal.py --write             put the table into docs/reference/portal-benchmark.md

The figure is the portal's own (`took_ms` in its log), from the first middleware to the last, with nothing cached
between two visits. Each page is to be under 100 ms at the 95th percentile.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from holdfast import assemble
from holdfast.admin.access_keys import create_access_key
from holdfast.admin.members import add_member
from holdfast.admin.office import Office
from holdfast.admin.tenancies import create_tenancy
from holdfast.auth.roles import Role
from holdfast.catalog.rows import BUCKETS, OBJECTS, USAGE, BucketRow, ObjectRow, UsageRow
from holdfast.config import Settings
from holdfast.portal.house import open_house
from holdfast.portal.start import configure, migrate

AIM_MS = 100
PAGE = Path("docs/reference/portal-benchmark.md")
BATCH = 20_000
TENANCY = "tenancy-00-o"
BUCKET = "million"


class Site(NamedTuple):
    """What the visits need to know."""

    home: Path
    links: dict[str, str]
    """Who → a link that logs in once."""
    token: str


def main() -> None:
    """Build the site, visit each page, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenancies", type=int, default=50)
    parser.add_argument("--people", type=int, default=2_000)
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--visits", type=int, default=40)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE}")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as root:
        site = _in_child(lambda: _build(Path(root) / "home", given.tenancies, given.people, given.objects))
        home = Path(site["home"])
        with _served(home) as portal:
            rows = [
                (who, path, *_visit(browser, path, given.visits))
                for who, paths in _paths(site["token"], given.objects).items()
                for browser in [Browser(portal, site["links"][who], home)]
                for path in paths
            ]
    table = _table(rows, given)
    print(table)
    if given.write:
        PAGE.write_text(table, encoding="utf-8")
    if any(row[3] > AIM_MS for row in rows):
        raise SystemExit(f"a page is over {AIM_MS} ms at the 95th percentile")


def _paths(token: str, objects: int) -> dict[str, list[str]]:
    deep = quote(f"run/{objects // 2:09}.nc")
    here = f"/tenancies/{TENANCY}"
    return {
        "manager": [
            "/", "/services/object-store/", f"{here}/", f"{here}/members/", f"{here}/members/?page=4",
            f"{here}/requests/", f"{here}/tokens/", f"{here}/tokens/add/", f"{here}/quota/", f"{here}/activity/",
            f"{here}/quota/ask/", f"{here}/quota/buckets/", f"{here}/leavers/", f"{here}/leavers/?show=all",
            f"{here}/close/", "/ask-for-a-tenancy/",
            f"{here}/buckets/", f"{here}/buckets/{BUCKET}/", f"{here}/buckets/{BUCKET}/?prefix=run/",
            f"{here}/buckets/{BUCKET}/?prefix=run/&after={deep}", f"{here}/buckets/{BUCKET}/?prefix=run/0000099",
            f"{here}/buckets/{BUCKET}/sharing/", f"{here}/buckets/{BUCKET}/upload/?prefix=run/",
            f"{here}/buckets/{BUCKET}/object/?key={deep}", "/notices/", "/account/", "/account/security/",
        ],
        "operator": [
            "/operators/", "/operators/tenancies/", f"/operators/tenancies/{TENANCY}/", "/operators/people/",
            "/operators/people/?q=person-01", "/operators/tokens/", "/operators/jobs/", "/operators/mail/",
            "/operators/site/", "/operators/audit/", "/operators/audit/?text=person-0199",
            "/operators/tenancy-requests/",
        ],
    }  # fmt: skip


class Browser:
    """Somebody who is logged in, on one connection."""

    def __init__(self, portal: str, link: str, home: Path) -> None:
        self._parts = urlsplit(portal)
        ca = home / "tls" / "ca.pem"
        self._log = _log_of(home).open(encoding="utf-8")
        self._log.seek(0, os.SEEK_END)
        self._connection = http.client.HTTPSConnection(
            self._parts.hostname or "", self._parts.port, context=ssl.create_default_context(cafile=str(ca))
        )
        self._cookies: dict[str, str] = {}
        page = self.ask("GET", urlsplit(link).path)[2].decode()
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert found is not None, page
        status = self.ask("POST", urlsplit(link).path, f"csrfmiddlewaretoken={found[1]}")[0]
        assert status == 302, status

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, float, bytes]:
        """Return the status, the server's time in ms, and the body."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"https://{self._parts.netloc}",
                "Referer": f"https://{self._parts.netloc}{path}",
            }
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, rest = cookie.partition("=")
            self._cookies[name] = rest.partition(";")[0]
        return answer.status, self._took_ms(answer.headers["X-Request-Id"]), content

    def _took_ms(self, visit_id: str) -> float:
        """Return what the log says of a visit. It is written there before the answer is sent."""
        for line in self._log:
            if visit_id in line:
                return float(json.loads(line)["took_ms"])
        raise LookupError(f"the log has no visit {visit_id}")


def _visit(browser: Browser, path: str, visits: int) -> tuple[float, float, int]:
    """Return the median and the 95th percentile in ms, and the size of the page in bytes."""
    times = []
    size = 0
    for _ in range(visits + 2):
        status, took_ms, body = browser.ask("GET", path)
        assert status == 200, f"{path} answers {status}"
        times.append(took_ms)
        size = len(body)
    times = sorted(times[2:])  # the first visits compile templates
    return statistics.median(times), times[max(0, round(0.95 * len(times)) - 1)], size


def _table(rows: list[Any], given: argparse.Namespace) -> str:
    lines = [
        "# How long the portal's pages take",
        "",
        f"Server time of a page in ms, uncached, with {given.tenancies} tenancies, {given.people:,} people and one",
        f"bucket of {given.objects:,} objects under one prefix; {given.visits} visits each. Made by",
        "`python bench/portal.py --write`.",
        f"The aim is {AIM_MS} ms at the 95th percentile.",
        "",
        "| who | page | median | 95th percentile | KiB |",
        "|---|---|---:|---:|---:|",
    ]
    lines += [
        f"| {who} | `{path}` | {median:.0f} | {p95:.0f} | {size / 1024:.0f} |" for who, path, median, p95, size in rows
    ]
    return "\n".join(lines) + "\n"


def _log_of(home: Path) -> Path:
    return home.parent / "serve.log"


@contextmanager
def _served(home: Path) -> Iterator[str]:
    words = ["serve", "--home", str(home), "--json", "--workers", "1", "--portal", "127.0.0.1:18555"]
    words += ["--s3", "127.0.0.1:0", "--s3-tls", "127.0.0.1:0"]
    with _log_of(home).open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "holdfast.cli.main", *words], stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert process.stdout is not None
        text = ""
        for line in process.stdout:
            text += line
            if line == "}\n":
                break
        yield json.loads(text)["portal_url"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _in_child(build: Any) -> dict[str, Any]:
    """Build in a process of its own: engines and Django are not opened here, beside the server."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            os.write(writing, json.dumps(build()._asdict(), default=str).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    os.waitpid(pid, 0)
    found: dict[str, Any] = json.loads(text)
    return found


def _build(root: Path, tenancy_count: int, person_count: int, object_count: int) -> Site:
    began_s = time.monotonic()
    settings = Settings(home=root, portal_url="https://localhost:18555")
    home = assemble.open_home(settings, create=True)
    opened = open_house(settings, home)
    configure(settings, home)
    migrate(home)
    from holdfast.portal.people.links import login_link
    from holdfast.portal.people.models import Person

    office = opened.office("bench")
    tenancies = [f"tenancy-{number:02}-o" for number in range(tenancy_count)]
    for name in tenancies:
        create_tenancy(office, name, limit_bytes=10**15)
    chance = random.Random(4)
    people = []
    for number in range(person_count):
        name = f"person-{number:04}"
        person = Person(name=name, email=f"{name}@example.org", full_name=f"Researcher {number}")
        person.save()
        people.append(person)
        own = TENANCY if number % 10 == 0 else chance.choice(tenancies)
        add_member(office, own, name, Role.MANAGER if number == 0 else Role.USER)
        if number == 0:
            for other in tenancies[1:]:
                add_member(office, other, name, Role.MANAGER)
    for number in range(200):
        create_access_key(office, opened.keyring, settings.limits, TENANCY, "person-0000", description=f"key {number}")
    Person.objects.filter(name="person-0001").update(is_operator=True)
    _fill(office, people[0].principal_id, object_count)
    links = {"manager": login_link(people[0]), "operator": login_link(people[1])}
    print(f"built in {time.monotonic() - began_s:.0f} s", file=sys.stderr)
    opened.close()
    return Site(root, links, "")


def _fill(office: Office, owner_id: str, count: int) -> None:
    """Put rows of objects into the catalog. No bytes are behind them: no page reads any."""
    with office.read() as rows:
        from holdfast.admin.lookups import get_tenancy

        tenancy = get_tenancy(rows, TENANCY)
    bucket = BucketRow(tenancy.tenancy_id, BUCKET, office.new_id(), owner_id, 1, "", "", "", "", None, None)
    size = 1_000_000
    usage = [UsageRow(scope, count * size, count, 0, 0, 0, 0, 0, 0) for scope in (tenancy.tenancy_id, bucket.bucket_id)]

    def add(changes: Any) -> None:
        changes.add(BUCKETS, bucket)
        for row in usage:
            changes.add(USAGE, row)

    office.catalog.commit([add])
    for start in range(0, count, BATCH):

        def add_batch(changes: Any, start: int = start) -> None:
            for number in range(start, min(start + BATCH, count)):
                changes.add(
                    OBJECTS,
                    ObjectRow(
                        bucket.bucket_id, f"run/{number:09}.nc", 1_700_000_000_000_000 + number, f"{number:032x}", 1,
                        size, "d41d8cd98f00b204e9800998ecf8427e", "application/x-netcdf", "", "", "", "", "", 0,
                        "STANDARD", owner_id, "", None, 0, "",
                    ),
                )  # fmt: skip

        office.catalog.commit([add_batch])


if __name__ == "__main__":
    main()
