"""The machine under a home: its disk, its limits, and the packages that holdfast stands on."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

import apsw

from holdfast import assemble

from . import Finding

FREE_SHARE_MIN: Final = 20
"""Below one part in this many it is time to make room."""
DESCRIPTORS_MIN: Final = 4096
SYNC_SLOW_S: Final = 0.1
_VOLATILE: Final = frozenset(("tmpfs", "ramfs"))
# Shared memory and locks, which SQLite's log needs, don't work between machines there.
_REMOTE: Final = frozenset(("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "glusterfs"))


def check_disk(home: assemble.Home) -> Iterator[Finding]:
    """There is room above the reserve, in bytes and in files."""
    disk = os.statvfs(home.root)
    free_bytes = assemble.open_archive(home.blobs).free_bytes()
    total_bytes = disk.f_blocks * disk.f_frsize
    shown = f"{max(free_bytes, 0) >> 20:,} MiB free above the reserve"
    if free_bytes <= 0:
        yield Finding(
            "disk", "fail", "full up to its reserve: uploads are refused, deletes work", "delete or add space"
        )
    elif free_bytes * FREE_SHARE_MIN < total_bytes:
        yield Finding("disk", "warn", shown, "delete something, or add space")
    else:
        yield Finding("disk", "ok", shown)
    if disk.f_files and disk.f_favail * FREE_SHARE_MIN < disk.f_files:
        yield Finding("disk", "warn", f"only {disk.f_favail:,} files may still be made (inodes)", "see df -i")


def check_file_system(home: assemble.Home) -> Iterator[Finding]:
    """The file system keeps what it is given."""
    kind = file_system_of(home.root)
    if kind in _VOLATILE:
        yield Finding(
            "file system", "warn", f"{kind}: everything is lost at the next start of the machine", "use a disk"
        )
    elif kind in _REMOTE:
        yield Finding("file system", "fail", f"{kind}: the catalog's locks don't work there", "use a local disk")
    else:
        yield Finding("file system", "ok", kind)


def check_sync(home: assemble.Home) -> Iterator[Finding]:
    """A sync works, and how long it takes."""
    path = home.run / f"doctor-{os.getpid()}"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            began_s = time.monotonic()
            for offset in range(5):
                os.pwrite(fd, bytes(4096), offset * 4096)
                os.fdatasync(fd)
            took_s = (time.monotonic() - began_s) / 5
        finally:
            os.close(fd)
    except OSError as error:
        yield Finding("sync", "fail", f"{error.strerror}: {path}", "look for errors of the disk (dmesg)")
        return
    finally:
        path.unlink(missing_ok=True)
    shown = f"{took_s * 1000:.1f} ms"
    if took_s > SYNC_SLOW_S:
        yield Finding("sync", "warn", shown, "each write waits for one: use a faster disk")
    else:
        yield Finding("sync", "ok", shown)


def check_limits() -> Iterator[Finding]:
    """There are enough descriptors for connections and open blobs. The hard limit counts: serve raises the soft one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS_MIN:
        yield Finding("limits", "warn", f"at most {hard:,} open files", "raise LimitNOFILE (systemd) or ulimit -Hn")
    else:
        shown = "any number of" if hard == resource.RLIM_INFINITY else f"at most {hard:,}"
        yield Finding("limits", "ok", f"{shown} open files")


def check_packages() -> Iterator[Finding]:
    """Every package that holdfast needs is there."""
    missing = []
    for requirement in metadata.requires("holdfast") or ():
        if "extra ==" in requirement:
            continue
        name = requirement.split(";")[0].split(">")[0].split("=")[0].split("<")[0].split("[")[0].strip()
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Finding("packages", "fail", f"missing: {', '.join(missing)}", "pip install -r packaging/locks/run.txt")
    else:
        python = ".".join(map(str, sys.version_info[:3]))
        yield Finding("packages", "ok", f"Python {python}, SQLite {apsw.sqlite_lib_version()}")


def file_system_of(path: Path) -> str:
    """Return the kind of file system on which a path lies, `unknown` where the kernel does not tell."""
    best, kind = "", "unknown"
    wanted = str(path.resolve())
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return kind
    for line in lines:
        _, mount, found, *_ = line.split(" ")
        mount = mount.replace("\\040", " ")
        if (wanted == mount or wanted.startswith(mount.rstrip("/") + "/")) and len(mount) >= len(best):
            best, kind = mount, found
    return kind
