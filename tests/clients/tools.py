"""The S3 clients that the end-to-end tests drive: which, which version, from where, and how each gets here.

`make client-tools` installs them into `.tools` (or `$HOLDFAST_TOOLS`), pinned by hash, and does nothing where they are
there already; `python tests/clients/tools.py --list` prints the table. A test asks `get_client("mc")`. A client that
is missing is a failure with the command that mends it, never a skip.

Three ways in: a wheel into a virtual environment of its own (aws-cli pins botocore, so it can't share ours); a Go
program built by a Go that comes as a wheel too, because Debian 12's is too old; and Debian itself.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MC = "github.com/minio/mc"


class Wheel(NamedTuple):
    """A program out of a Python wheel, in a virtual environment of its own; `lock` pins it and what it needs."""

    lock: str
    program: str

    def describe(self) -> str:
        return f"Python package, {self.lock}"


class GoProgram(NamedTuple):
    """A Go program, built from source; `module`/go.mod and go.sum pin it and all that it imports."""

    module: str
    package: str
    program: str
    variables: tuple[str, ...] = ()

    def describe(self) -> str:
        return f"Go module {self.package}, {self.module}/go.sum"


class Debian(NamedTuple):
    """A program that Debian's package puts on the PATH; the version is the one that Debian has."""

    package: str
    program: str

    def describe(self) -> str:
        return f"Debian package {self.package}"


class Client(NamedTuple):
    """`version` is a text that `program --version` must print, so that no other one is tested by mistake."""

    name: str
    version: str
    source: Wheel | GoProgram | Debian
    why: str


def _mc(module: str, release: str) -> GoProgram:
    # Without these, mc calls itself DEVELOPMENT.GOGET.
    variables = (f"{MC}/cmd.ReleaseTag=RELEASE.{release}", f"{MC}/cmd.Version={release}")
    return GoProgram(module, MC, "mc", variables)


CLIENTS = {
    client.name: client
    for client in (
        Client("mc", "RELEASE.2025-08-13T08-35-41Z", _mc("mc", "2025-08-13T08-35-41Z"), "the last release of mc"),
        Client(
            "mc-config-host",
            "RELEASE.2025-04-16T18-13-26Z",
            _mc("mc-config-host", "2025-04-16T18-13-26Z"),
            "the last release that has `mc config host add`, which sites' articles still print",
        ),
        Client("aws", "aws-cli/1.", Wheel("locks/aws.txt", "aws"), "aws-cli version 1, on botocore"),
        Client("s3cmd", "s3cmd version 2.4.", Wheel("locks/s3cmd.txt", "s3cmd"), "the newest s3cmd"),
        Client(
            "s3cmd-debian", "s3cmd version 2.", Debian("s3cmd", "/usr/bin/s3cmd"), "the s3cmd that a site's users have"
        ),
        Client(
            "rclone", "rclone v1.", Wheel("locks/rclone.txt", "rclone"), "a current rclone; Debian 12 has one of 2022"
        ),
    )
}


class MissingClient(Exception):
    """A client that a test needs is not installed, or is not the one that the table names."""


def tools_dir() -> Path:
    return Path(os.environ.get("HOLDFAST_TOOLS") or ROOT / ".tools")


def get_client(name: str) -> Path:
    """Return the path of an installed client's program. Raises MissingClient."""
    client = CLIENTS[name]
    program = _program(client)
    if isinstance(client.source, Debian):
        if not program.exists():
            raise MissingClient(f"{name} is not installed: apt-get install {client.source.package}")
    elif _read_stamp(client) != _recipe(client):
        raise MissingClient(f"{name} ({client.version}) is not installed in {tools_dir()}: make client-tools")
    return program


def read_version(name: str) -> str:
    """Return the first line that an installed client prints about its version. Raises MissingClient."""
    return _ask_version(get_client(name))


def install_client(client: Client) -> None:
    """Put a client where `get_client` finds it. Raises CalledProcessError or MissingClient."""
    match client.source:
        case Wheel(lock, _):
            _make_environment(_folder(client), HERE / lock)
            _free_from_shebang(_program(client))
        case GoProgram(module, package, _, variables):
            _build(HERE / module, package, variables, _program(client))
        case Debian():
            get_client(client.name)
    if client.version not in (version := _ask_version(_program(client))):
        raise MissingClient(f"{client.name} calls itself {version!r}, not {client.version!r}: see {__file__}")
    _write_stamp(client)


def _ask_version(program: Path) -> str:
    run = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=60)
    return (run.stdout + run.stderr).strip().partition("\n")[0]


def _folder(client: Client) -> Path:
    return tools_dir() / client.name


def _program(client: Client) -> Path:
    match client.source:
        case Debian(_, program):
            return Path(program)
        case Wheel(_, program) | GoProgram(_, _, program):
            return _folder(client) / "bin" / program


def _recipe(client: Client) -> str:
    """Return what the installed client depends on, as one hash: another lock or version means another install."""
    digest = hashlib.sha256(repr((client.version, client.source)).encode())
    match client.source:
        case Wheel(lock, _):
            digest.update((HERE / lock).read_bytes())
        case GoProgram(module):
            for name in ("go.mod", "go.sum"):
                digest.update((HERE / module / name).read_bytes())
    return digest.hexdigest()


def _stamp(client: Client) -> Path:
    return _folder(client) / "installed"


def _read_stamp(client: Client) -> str:
    try:
        return _stamp(client).read_text()
    except OSError:
        return ""


def _write_stamp(client: Client) -> None:
    _stamp(client).parent.mkdir(parents=True, exist_ok=True)
    _stamp(client).write_text(_recipe(client))


def _make_environment(folder: Path, lock: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _call([sys.executable, "-m", "venv", folder])
    _call([folder / "bin/python", "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", lock])


def _free_from_shebang(program: Path) -> None:
    """Let a script start its Python from a directory with spaces in its name, which a `#!` line can't say.

    pip does so for the entry points that it writes, but not for scripts that a wheel brings.
    """
    head, _, rest = program.read_bytes().partition(b"\n")
    python = str(program.parent / "python").encode()
    if head.startswith(b"#!" + python):
        # A shell runs the line; to Python it is a text in three quotes.
        program.write_bytes(b"""#!/bin/sh\n'''exec' "%s" "$0" "$@"\n' '''\n""" % python + rest)


def _build(module: Path, package: str, variables: tuple[str, ...], program: Path) -> None:
    toolchain = tools_dir() / "go"
    lock = HERE / "locks/go.txt"
    stamp = toolchain / "installed"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        _make_environment(toolchain, lock)
        stamp.write_bytes(lock.read_bytes())
    flags = " ".join(["-s", "-w", *(f"-X {variable}" for variable in variables)])
    # No C compiler, no other Go than the pinned one, no module that go.sum doesn't name.
    environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}
    options = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", flags]
    program.parent.mkdir(parents=True, exist_ok=True)
    _call([toolchain / "bin/go", "build", "-C", module, *options, "-o", program, package], environment)


def _call(command: list[Path | str], environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    tools_dir().mkdir(parents=True, exist_ok=True)
    with (tools_dir() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install_missing() -> None:
    """Install every client that is not there yet, and say what each took."""
    with _one_at_a_time():
        for client in CLIENTS.values():
            try:
                get_client(client.name)
            except MissingClient:
                print(f"{client.name}: installing, {client.source.describe()}", flush=True)
                started_s = time.monotonic()
                install_client(client)
                print(f"{client.name}: {read_version(client.name)}, {time.monotonic() - started_s:.0f} s", flush=True)


def print_table() -> None:
    for client in CLIENTS.values():
        try:
            version, path = read_version(client.name), str(get_client(client.name))
        except MissingClient as error:
            version, path = "missing", str(error)
        print(f"{client.name}\t{version}\t{client.source.describe()}\t{path}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Install the S3 clients that the end-to-end tests drive.")
    parser.add_argument("--list", action="store_true", help="print the clients, their versions, sources and paths")
    if parser.parse_args().list:
        print_table()
        return 0
    try:
        install_missing()
    except MissingClient as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"could not install a client: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
