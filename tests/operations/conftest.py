"""A site for each test; see `site.py` for what can be done with it."""

from __future__ import annotations

import pytest
from tests.operations.site import Site


@pytest.fixture
def site() -> Site:
    return Site()
