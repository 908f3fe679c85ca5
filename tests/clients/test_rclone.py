"""rclone: copy, sync, check, server-side copy, multipart and links."""

from __future__ import annotations

import os

import pytest
from tests.clients.running import Desk


@pytest.fixture(params=["inside", "outside"])
def person(request: pytest.FixtureRequest, desk: Desk) -> Desk:
    desk.environment |= {
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_CONFIG_STORE_TYPE": "s3",
        "RCLONE_CONFIG_STORE_PROVIDER": "Other",
        "RCLONE_CONFIG_STORE_ENDPOINT": desk.environment[str(request.param).upper()],
        "RCLONE_CONFIG_STORE_ENV_AUTH": "true",
        "RCLONE_CONFIG_STORE_ACL": "private",
        "RCLONE_CA_CERT": desk.environment["CA"],
    }
    return desk.use("rclone")


def test_rclone_copies_syncs_checks_and_purges(person: Desk, bucket: str) -> None:
    person.write("folder/deep/b c+d", b"12")
    person.write("folder/a", b"1")
    there = f"store:{bucket}"
    person.run(f"rclone mkdir {there} && rclone mkdir {there}")
    person.run(f"rclone copy folder {there}/folder")
    assert sorted(person.run(f"rclone lsf --recursive --files-only {there}").splitlines()) == [
        "folder/a",
        "folder/deep/b c+d",
    ]
    assert "0 differences" in person.try_(f"rclone check folder {there}/folder").stderr
    assert "nothing to transfer" in person.try_(f"rclone sync --verbose folder {there}/folder").stderr
    person.run(f"rm folder/a && rclone sync folder {there}/folder")
    person.run(f"rclone sync {there}/folder back && diff --recursive folder back")
    assert "b c+d" in person.run(f"rclone ls {there}")
    person.run(f"rclone moveto '{there}/folder/deep/b c+d' {there}/moved && rclone cat {there}/moved | grep -q 12")
    assert "Total objects: 1" in person.run(f"rclone size {there}")
    purged = person.try_(f"rclone purge {there}")
    assert purged.returncode == 0
    assert "ERROR" not in purged.stderr
    assert bucket not in person.run("rclone lsd store:")


def test_rclone_uploads_in_parts_copies_on_the_server_and_links(person: Desk, bucket: str) -> None:
    data = os.urandom(12 * 1024 * 1024)
    person.write("big", data)
    there = f"store:{bucket}"
    person.run(f"rclone mkdir {there}")
    person.run(f"rclone copyto --s3-upload-cutoff 5M --s3-chunk-size 5M big {there}/big")
    assert "server-side copy" in person.try_(f"rclone copyto --verbose {there}/big {there}/copy").stderr
    person.run(f"rclone copyto {there}/copy back && cmp big back")
    sums = person.run(f"rclone hashsum MD5 {there}").splitlines()
    assert len({line.split()[0] for line in sums}) == 1
    url = person.run(f"rclone link --expire 1h {there}/big").strip()
    assert person.run(f"curl --silent --fail --cacert \"$CA\" '{url}' | cmp - big") == ""
