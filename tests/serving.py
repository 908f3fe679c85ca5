"""A real `holdfast serve` for tests: its own home, free ports, and tenancies, members and keys in one call each.

with serve(tmp_path / "home") as store:
    key = store.make_key("my-os-tenancy-o", "alice", Role.USER)
    store.client(key).create_bucket(Bucket="data")
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.config import Config

from holdfast.admin.access_keys import create_access_key
from holdfast.admin.errors import Taken
from holdfast.admin.members import add_member
from holdfast.admin.office import Office
from holdfast.admin.tenancies import create_tenancy
from holdfast.admin.users import create_user
from holdfast.assemble import open_home, open_keyring, open_office
from holdfast.auth.roles import Role
from holdfast.config import Settings, load_settings

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

STOP_TIMEOUT_S = 60


class Key(NamedTuple):
    """An access key, by the words of the seed's credentials file."""

    token: str
    secret: str
    tenancy: str
    user: str


class CannotStart(Exception):
    """`holdfast serve` ended before it was ready. The text is what it said."""


@dataclass
class Store:
    """A running store. `client`, `make_key` … are for tests; the facts are for those that need other clients."""

    home: Path
    process: subprocess.Popen[str]
    facts: Mapping[str, Any]
    """What `serve --json` said when all its workers listened: pid, s3, s3_tls, domain, ext_domain, ca."""
    log: Path
    """Its standard error."""

    @property
    def endpoint_url(self) -> str:
        """http, on a bare address: path style, and the key decides the tenancy."""
        return f"http://{self.facts['s3'][0]}"

    @property
    def secure_endpoint_url(self) -> str:
        """https, on a bare address. Clients have to trust `ca`."""
        return f"https://{self.facts['s3_tls'][0]}"

    @property
    def ca(self) -> Path:
        """The certificate of the local authority."""
        return Path(self.facts["ca"])

    def host_of(self, tenancy: str, *, secure: bool = False) -> str:
        """Return the host name and port of a tenancy. Names below localhost reach loopback where the resolver says so."""
        name = self.facts["ext_domain" if secure else "domain"]
        port = self.facts["s3_tls" if secure else "s3"][0].rpartition(":")[2]
        return f"{tenancy}.{name}:{port}"

    @contextmanager
    def office(self) -> Iterator[Office]:
        """Open what `holdfast.admin` needs, in this process, beside the running server."""
        home = open_home(self.settings(), create=False)
        with open_office(home, "test") as office:
            yield office

    def settings(self) -> Settings:
        return load_settings(self.home, {}, {})

    def make_tenancy(self, name: str, **options: Any) -> None:
        """Make a tenancy; one that is there is left as it is. `options` are those of `create_tenancy`."""
        with self.office() as office:
            _unless_taken(lambda: create_tenancy(office, name, **options))

    def make_member(self, tenancy: str, user: str, role: Role = Role.USER, **options: Any) -> None:
        """Make a user (one that is there is taken) a member of a tenancy, which is made too when it is not there."""
        self.make_tenancy(tenancy)
        with self.office() as office:
            _unless_taken(lambda: create_user(office, user))
            add_member(office, tenancy, user, role, **options)

    def make_key(self, tenancy: str, user: str, role: Role | None = Role.USER, **options: Any) -> Key:
        """Make an access key for a member, who is made too; with `role` None they are taken as they are.

        `options` are those of `create_access_key`: read_only, buckets, prefixes, expires_at_us …
        """
        if role is not None:
            self.make_member(tenancy, user, role)
        settings = self.settings()
        with self.office() as office:
            keyring = open_keyring(open_home(settings, create=False), office.catalog)
            made = create_access_key(office, keyring, settings.limits, tenancy, user, **options)
        return Key(made.row.access_key_id, made.secret, tenancy, user)

    def client(self, key: Key | None, *, secure: bool = False, **options: Any) -> S3Client:
        """Return a boto3 client with its defaults, but that it never tries again; `key` None = anonymous.

        `options` are those of botocore's Config.
        """
        from botocore import UNSIGNED

        settings: dict[str, Any] = {"retries": {"total_max_attempts": 1}, **options}
        if key is None:
            settings["signature_version"] = UNSIGNED
        made: S3Client = boto3.session.Session().client(
            "s3",
            endpoint_url=self.secure_endpoint_url if secure else self.endpoint_url,
            aws_access_key_id=key.token if key else None,
            aws_secret_access_key=key.secret if key else None,
            region_name="us-east-1",
            verify=str(self.ca) if secure else None,
            config=Config(**settings),
        )
        return made

    def stop(self) -> int:
        """Ask it to drain and end, and return its exit code. Idempotent."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=STOP_TIMEOUT_S)


def holdfast(*words: str | Path) -> list[str]:
    """Return the command line that runs `holdfast` with these words, from this very interpreter."""
    return [sys.executable, "-m", "holdfast.cli.main", *map(str, words)]


@contextmanager
def serve(
    home: Path,
    *options: str,
    s3: Sequence[str] = ("127.0.0.1:0",),
    s3_tls: Sequence[str] = ("127.0.0.1:0",),
    portal: Sequence[str] = (),
    workers: int = 1,
    prefix: Sequence[str | Path] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Store]:
    """Serve a home until the block ends; whoever is told about it may connect, since all workers listen by then.

    There is a portal only where `portal` says an address for it.
    `options` are more of `holdfast serve`; `prefix` is a command that runs it (strace, nsenter …). The home is made when
    it is not there, and stays. Raises CannotStart.
    """
    words = ["serve", "--home", str(home), "--json", "--workers", str(workers), *options]
    words += [word for address in s3 for word in ("--s3", address)]
    words += [word for address in s3_tls for word in ("--s3-tls", address)]
    words += [word for address in portal for word in ("--portal", address)]
    environment = {"HOLDFAST_PORTAL": ",".join(portal), **(environment or {})}
    log = home.with_name(f"{home.name}.log")
    with started(words, log, prefix=prefix, environment=environment) as (process, facts):
        yield Store(home, process, facts, log)


@contextmanager
def started(
    words: Sequence[str],
    log: Path,
    *,
    prefix: Sequence[str | Path] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[tuple[subprocess.Popen[str], Mapping[str, Any]]]:
    """Run a `holdfast` command that serves, until the block ends; give its process and the JSON that it began with.

    `words` must hold --json. Raises CannotStart.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as errors:
        process = subprocess.Popen(
            [*map(str, prefix), *holdfast(*words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | dict(environment or {}),
        )
    try:
        yield process, _read_facts(process, log)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        finally:
            assert process.stdout is not None
            process.stdout.close()


def _read_facts(process: subprocess.Popen[str], log: Path) -> Mapping[str, Any]:
    """Read the first JSON document of what it prints: it is written when all workers listen."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line == "}\n":
            facts: Mapping[str, Any] = json.loads(text)
            return facts
    raise CannotStart(f"exit code {process.wait()}: {text}{log.read_text()}")


def _unless_taken(make: Any) -> None:
    try:
        make()
    except Taken:
        pass
