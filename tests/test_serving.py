"""The harness itself: what other tests stand on."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest
from tests.serving import CannotStart, serve


def test_a_store_serves_a_key_on_both_endpoints_from_its_first_moment(tmp_path: Path) -> None:
    with serve(tmp_path / "home") as store:
        assert urllib.request.urlopen(f"{store.endpoint_url}/health/ready").status == 200
        key = store.make_key("my-os-tenancy-o", "alice")
        store.client(key).create_bucket(Bucket="data")
        store.client(key).put_object(Bucket="data", Key="a/b", Body=b"inside")
        assert store.client(key, secure=True).get_object(Bucket="data", Key="a/b")["Body"].read() == b"inside"
        assert store.stop() == 0


def test_a_store_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home/other").touch()
    with pytest.raises(CannotStart, match="not a holdfast home"):
        with serve(tmp_path / "home"):
            pass
