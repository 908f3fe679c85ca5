"""One real store for all client tests of a process, and a person with a home directory of their own for each test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clients.running import Desk
from tests.clients.site import Site, site
from tests.serving import Key, Store, serve

TENANCY = "my-os-tenancy-o"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this directory, so that `make test-fast` leaves them out."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.client)
            if "the_site" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group("site"))


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with serve(tmp_path_factory.mktemp("store") / "home", workers=2) as running:
        running.make_tenancy(TENANCY)
        running.make_tenancy("shared-o", new_buckets="members-write")
        yield running


@pytest.fixture(scope="session")
def key(store: Store) -> Key:
    return store.make_key(TENANCY, "alice")


@pytest.fixture(scope="session")
def the_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The seed's site: its host names, on ports 80 and 443, in a network of its own."""
    with site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> str:
    """A bucket name that no other test has."""
    return "b-" + re.sub(r"[^a-z0-9]+", "-", str(request.node.name).lower())[-50:].strip("-")


@pytest.fixture
def desk(tmp_path: Path, store: Store, key: Key) -> Desk:
    """A person with every usual way to name the shared store: `$INSIDE`, `$OUTSIDE`, `$CA`, `$TOKEN`, `$SECRET`."""
    return Desk(
        tmp_path / "person",
        {
            "INSIDE": store.endpoint_url,
            "OUTSIDE": store.secure_endpoint_url,
            "CA": str(store.ca),
            "TOKEN": key.token,
            "SECRET": key.secret,
            "AWS_ACCESS_KEY_ID": key.token,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
        },
    )
