"""A site for each test; see `site.py` for what can be done with it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.operations.site import Site
from tests.operations.wired import Wired
from tests.serving import serve


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture(scope="session")
def wire_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    """One store for all the tests that drive operations over the wire."""
    tenancy = "my-os-tenancy-o"
    with serve(tmp_path_factory.mktemp("store") / "home", "--default-tenancy", tenancy) as store:
        store.make_tenancy(tenancy, users_may_publish=True)
        key, other_key = store.make_key(tenancy, "alice"), store.make_key(tenancy, "bob")
        yield Wired(store, key, store.client(key), store.client(other_key), store.client(None))


@pytest.fixture
def wired(wire_store: Wired, request: pytest.FixtureRequest) -> Wired:
    """The store, with a bucket of this test's own."""
    found = replace(wire_store, bucket=f"b{zlib.crc32(request.node.nodeid.encode()):x}")
    found.s3.create_bucket(Bucket=found.bucket)
    return found
