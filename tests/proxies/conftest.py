"""nginx and HAProxy in front of a store, with the very configurations that docs/how-to/behind-a-proxy.md prints."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from tests.serving import Key, Store, serve

from holdfast.auth.roles import Role

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/behind-a-proxy.md"
TENANCY = "my-os-tenancy-o"
PORTAL = "portal.localhost"
KINDS = [
    f"{name}{variant}"
    for name in ("nginx", "haproxy")
    for variant in ("", ", the host rewritten", ", encrypted up to the store")
]


def blocks(language: str) -> list[str]:
    """Return the configurations of one program on the page, in its order: the whole, the portal's, encryption's.

    `text` is HAProxy's, which has no highlighter. `toml` is what the store has to know.
    """
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), flags=re.S)


@dataclass
class Front:
    """A proxy that listens, and what stands behind it."""

    store: Store
    key: Key
    port: int
    tls_port: int
    certificate: Path
    changes_host: bool

    def client(self, *, secure: bool = False, style: str = "path") -> S3Client:
        name = f"{TENANCY}.{'s3-ext' if secure else 's3'}.localhost"
        made: S3Client = boto3.session.Session().client(
            "s3",
            endpoint_url=f"https://{name}:{self.tls_port}" if secure else f"http://{name}:{self.port}",
            aws_access_key_id=self.key.token,
            aws_secret_access_key=self.key.secret,
            region_name="us-east-1",
            verify=str(self.certificate),
            config=Config(signature_version="s3v4", retries={"total_max_attempts": 1}, s3={"addressing_style": style}),  # type: ignore[arg-type]
        )
        return made


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    home = tmp_path_factory.mktemp("proxied") / "home"
    (settings,) = blocks("toml")
    home.mkdir(mode=0o700)
    (home / "holdfast.toml").write_text(settings.replace("example.org", "localhost"))
    with serve(home, portal=["127.0.0.1:0"]) as found:
        yield found


@pytest.fixture(scope="session")
def key(store: Store) -> Key:
    made = store.make_key(TENANCY, "nora", Role.MANAGER)
    store.client(made).create_bucket(Bucket="data")
    store.client(made).create_bucket(Bucket="other")
    return made


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of the proxy's own, with its key beside it."""
    directory = tmp_path_factory.mktemp("certificates")
    outside = f"{TENANCY}.s3-ext.localhost"
    names = ",".join(f"DNS:{name}" for name in (outside, f"*.{outside}", PORTAL))
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ),
            *(
                "-subj",
                "/CN=proxy",
                "-addext",
                f"subjectAltName={names}",
                "-out",
                "fullchain.pem",
                "-keyout",
                "privkey.pem",
            ),
        ],
        cwd=directory,
        check=True,
        capture_output=True,
    )
    return directory / "fullchain.pem"


@pytest.fixture(params=KINDS, scope="module")
def front(
    request: pytest.FixtureRequest, store: Store, key: Key, certificate: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    name, _, variant = request.param.partition(", ")
    directory = tmp_path_factory.mktemp("proxy")
    port, tls_port = _free_ports(2)
    start = _start_nginx if name == "nginx" else _start_haproxy
    with start(directory, store, certificate, port, tls_port, variant):
        yield Front(store, key, port, tls_port, certificate, "rewritten" in variant)


@contextmanager
def _start_nginx(
    directory: Path, store: Store, certificate: Path, port: int, tls_port: int, variant: str
) -> Iterator[None]:
    text, portal, encrypted = blocks("nginx")
    upstream = store.facts["s3"][0]
    if "encrypted" in variant:
        text = exchanged(text, r" *proxy_pass http.*\n", encrypted)
        text = text.replace("/srv/store/tls/ca.pem", str(store.ca))
        upstream = store.facts["s3_tls"][0]
    if "rewritten" in variant:
        text = exchanged(text, r" *proxy_set_header Host .*\n", "")
    text = exchanged(text, r"server 127\.0\.0\.1:8080;", f"server {upstream};")
    portal = exchanged(portal, r"127\.0\.0\.1:8444", store.facts["portal"][0])
    text += portal.replace("/srv/store/tls/ca.pem", str(store.ca))
    text = text.replace("listen 80;", f"listen 127.0.0.1:{port};")
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{tls_port} ssl;")
    text = text.replace("example.org", "localhost").replace("/etc/nginx/tls/fullchain.pem", str(certificate))
    text = text.replace("/etc/nginx/tls/privkey.pem", str(certificate.with_name("privkey.pem")))
    kept = "".join(
        f"{kind}_temp_path {directory}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (directory / "nginx.conf").write_text(
        f"daemon off;\n{user}worker_processes 1;\npid {directory}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{kept}{text}}}\n"
    )
    words = ["nginx", "-p", directory, "-e", "stderr", "-c", directory / "nginx.conf"]
    with _running(words, directory, (port, tls_port)):
        yield


@contextmanager
def _start_haproxy(
    directory: Path, store: Store, certificate: Path, port: int, tls_port: int, variant: str
) -> Iterator[None]:
    text, to_portal, portal, encrypted = blocks("text")
    upstream = store.facts["s3"][0]
    if "encrypted" in variant:
        text = exchanged(text, r" *server one .*\n", encrypted)
        text = exchanged(text, r"server one [^ ]*", f"server one {store.facts['s3_tls'][0]}")
    else:
        text = exchanged(text, r"server one [^ ]*\n", f"server one {upstream}\n")
    if "rewritten" in variant:
        text = exchanged(
            text, r"( *)http-reuse safe\n", r"\1http-reuse safe\n\1http-request set-header Host storage.internal\n"
        )
    text = exchanged(text, r"( *default_backend .*\n)", rf"{to_portal}\1")
    text += exchanged(portal, r"server one [^ ]*", f"server one {store.facts['portal'][0]}")
    text = text.replace("example.org", "localhost").replace("/srv/store/tls/ca.pem", str(store.ca))
    both = directory / "both.pem"
    both.write_text(certificate.read_text() + certificate.with_name("privkey.pem").read_text())
    text = exchanged(text, r"bind :80\n", f"bind 127.0.0.1:{port}\n")
    text = exchanged(text, r"bind :443 ssl crt .*\n", f"bind 127.0.0.1:{tls_port} ssl crt {both}\n")
    (directory / "haproxy.cfg").write_text(text)
    with _running(["haproxy", "-db", "-q", "-f", directory / "haproxy.cfg"], directory, (port, tls_port)):
        yield


def exchanged(text: str, pattern: str, new: str) -> str:
    """Exchange one place of the page's text, which must be there."""
    changed, count = re.subn(pattern, new, text, count=1)
    assert count == 1, f"the page has no {pattern}"
    return changed


@contextmanager
def _running(words: list[Any], directory: Path, ports: tuple[int, ...]) -> Iterator[None]:
    # Debian has both in /usr/sbin, which is not in everybody's path.
    program = shutil.which(words[0], path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert program is not None, f"{words[0]} is missing: apt-get install {words[0]}"
    with (directory / "log").open("w") as log:
        process = subprocess.Popen([program, *map(str, words[1:])], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _wait_until(lambda: process.poll() is not None or all(map(_is_open, ports)))
            assert process.poll() is None, (directory / "log").read_text()
            yield
        finally:
            process.terminate()
            process.wait(20)


def _wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until, "the proxy does not listen"
        time.sleep(0.02)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@pytest.fixture(autouse=True)
def _names_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every name below localhost be loopback, as a site's zone would."""
    real = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return real("127.0.0.1" if isinstance(name, str) and name.endswith(".localhost") else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
