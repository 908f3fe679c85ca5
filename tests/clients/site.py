"""The seed's site on this machine: a network and a mount namespace of its own, with its hosts file and its ports.

Nothing outside can see it, and nothing in it can reach out; the store in it listens on 80 and 443 as the seed's did. It
needs root, or a kernel that lets users make namespaces.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.clients.running import Desk
from tests.serving import Store, serve

DOMAIN = "s3.jc.rl.ac.uk"
EXT_DOMAIN = "s3-ext.jc.rl.ac.uk"
TENANCY = "my-os-tenancy-o"

_HOSTS = f"""\
127.0.0.1 localhost
::1 localhost
127.0.0.1 {TENANCY}.{DOMAIN} {TENANCY}.{EXT_DOMAIN}
127.0.0.1 v-bucket.{TENANCY}.{DOMAIN} v-bucket.{TENANCY}.{EXT_DOMAIN}
"""
_ENTER = 'ip link set lo up && mount --bind "$1" /etc/hosts && shift && exec "$@"'
# As an administrator does it, but for the two directories, which are this namespace's own.
_TRUST = """\
set -e
mount -t tmpfs none /etc/ssl/certs
mount -t tmpfs none /usr/local/share/ca-certificates
cp "$1" /usr/local/share/ca-certificates/holdfast.crt
update-ca-certificates
"""


class Site(NamedTuple):
    """A running site. Its machines trust its authority in their system store."""

    store: Store
    prefix: Sequence[str]
    """A command that runs another one on a machine of the site."""

    def desk(self, home: Path) -> Desk:
        """Return the desk of a person at the site, with nothing set up."""
        return Desk(home, prefix=[*self.prefix, "env", f"--chdir={home}"])


@contextmanager
def machine(folder: Path) -> Iterator[Sequence[str]]:
    """Give a command that runs others on a machine with nothing but loopback and a hosts file that may be written."""
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    words = [*_unshare(), "sh", "-c", _ENTER, "sh", str(hosts), "sh", "-c", "echo; exec cat"]
    # It lives until the end of its input: a test that is killed leaves nothing behind.
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdout.readline()
        yield [*_nsenter(holder.pid), "env", f"--chdir={folder / 'person'}"]
        holder.stdin.close()


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Run a site until the block ends."""
    hosts = folder / "hosts"
    hosts.write_text(_HOSTS)
    with serve(
        folder / "home",
        "--domain",
        DOMAIN,
        "--ext-domain",
        EXT_DOMAIN,
        s3=("0.0.0.0:80",),
        s3_tls=("0.0.0.0:443",),
        workers=2,
        prefix=[*_unshare(), "sh", "-c", _ENTER, "sh", str(hosts)],
    ) as store:
        running = Site(store, _nsenter(store.process.pid))
        running.desk(folder / "administrator").run(["sh", "-c", _TRUST, "sh", store.ca])
        yield running


def _unshare() -> list[str]:
    return ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]


def _nsenter(pid: int) -> list[str]:
    user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
    return ["nsenter", f"--target={pid}", "--net", "--mount", *user]
