"""The seed's site on this machine: a network and a mount namespace of its own, with its hosts file and its ports.

Nothing outside can see it, and nothing in it can reach out; the store in it listens on 80 and 443 as the seed's did. It
needs root, or a kernel that lets users make namespaces.
"""

from __future__ import annotations

import os
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
def site(folder: Path) -> Iterator[Site]:
    """Run a site until the block ends."""
    hosts = folder / "hosts"
    hosts.write_text(_HOSTS)
    is_root = os.geteuid() == 0
    enter = ["unshare", "--net", "--mount", *([] if is_root else ["--user", "--map-root-user"])]
    with serve(
        folder / "home",
        "--domain",
        DOMAIN,
        "--ext-domain",
        EXT_DOMAIN,
        s3=("0.0.0.0:80",),
        s3_tls=("0.0.0.0:443",),
        workers=2,
        prefix=[*enter, "sh", "-c", _ENTER, "sh", str(hosts)],
    ) as store:
        prefix = ["nsenter", f"--target={store.process.pid}", "--net", "--mount"]
        if not is_root:
            prefix += ["--user", "--preserve-credentials"]
        running = Site(store, prefix)
        running.desk(folder / "administrator").run(["sh", "-c", _TRUST, "sh", store.ca])
        yield running
