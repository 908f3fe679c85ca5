"""s3cmd beyond the article: du, rm, sync, info, setpolicy, multipart, both versions, both endpoints."""

from __future__ import annotations

import filecmp
import json
import os
from pathlib import Path

import pytest
from tests.clients.running import Desk
from tests.serving import Store

POLICY = {
    "Version": "2008-10-17",
    "Statement": [
        {
            "Sid": "members read",
            "Effect": "Allow",
            "Principal": {"group": ["my-os-tenancy-o-members"]},
            "Action": ["GetObject", "ListBucket"],
            "Resource": ["BUCKET", "BUCKET/*"],
        }
    ],
}


@pytest.fixture(params=["s3cmd-inside", "s3cmd-outside", "s3cmd-debian-inside", "s3cmd-debian-outside"])
def person(request: pytest.FixtureRequest, desk: Desk, store: Store) -> Desk:
    version, _, side = str(request.param).rpartition("-")
    is_secure = side == "outside"
    address = store.facts["s3_tls" if is_secure else "s3"][0]
    desk.write(
        ".s3cfg",
        f"access_key = {desk.environment['TOKEN']}\nsecret_key = {desk.environment['SECRET']}\n"
        f"host_base = {address}\nhost_bucket = {address}\nuse_https = {is_secure}\nca_certs_file = {store.ca}\n",
    )
    return desk.use(version)


def fill(folder: Path) -> None:
    (folder / "deep").mkdir(parents=True)
    (folder / "a").write_bytes(os.urandom(1000))
    (folder / "empty").touch()
    (folder / "deep/b c+d ü%").write_bytes(os.urandom(2000))


def test_s3cmd_puts_syncs_counts_and_removes(person: Desk, bucket: str) -> None:
    fill(person.home / "folder")
    person.run(f"s3cmd mb s3://{bucket}")
    assert "upload: " in person.run(f"s3cmd sync folder/ s3://{bucket}/folder/")
    assert person.run(f"s3cmd sync folder/ s3://{bucket}/folder/") == ""
    assert person.run(f"s3cmd du s3://{bucket}").split()[:3] == ["3000", "3", "objects"]
    person.run(f"mkdir back && s3cmd sync s3://{bucket}/folder/ back/")
    assert_same(person.home / "folder", person.home / "back")
    (person.home / "folder/a").unlink()
    person.run(f"s3cmd sync --delete-removed folder/ s3://{bucket}/folder/")
    person.run(f"s3cmd cp s3://{bucket}/folder/empty s3://{bucket}/copy")
    person.run(f"s3cmd mv s3://{bucket}/copy s3://{bucket}/moved")
    listed = person.run(f"s3cmd ls --recursive s3://{bucket}").splitlines()
    assert [line.partition("s3://")[2].partition("/")[2] for line in listed] == [
        "folder/deep/b c+d ü%",
        "folder/empty",
        "moved",
    ]
    assert person.run(f"s3cmd rm s3://{bucket}/moved") == f"delete: 's3://{bucket}/moved'\n"
    assert person.try_(f"s3cmd rb s3://{bucket}").returncode != 0
    person.run(f"s3cmd rm --recursive --force s3://{bucket}")
    person.run(f"s3cmd rb s3://{bucket}")
    assert bucket not in person.run("s3cmd ls")


def test_s3cmd_uploads_in_parts_and_finds_the_same_bytes(person: Desk, bucket: str) -> None:
    data = os.urandom(16 * 1024 * 1024 + 1)
    person.write("big", data)
    person.run(f"s3cmd mb s3://{bucket} && s3cmd put --multipart-chunk-size-mb=5 big s3://{bucket}")
    assert "MD5 sum" in person.run(f"s3cmd info s3://{bucket}/big")
    person.run(f"s3cmd get s3://{bucket}/big back")
    assert (person.home / "back").read_bytes() == data
    person.run(f"s3cmd put --continue-put --multipart-chunk-size-mb=5 --force big s3://{bucket}")
    assert "Initiated at" not in person.run(f"s3cmd multipart s3://{bucket}").partition("\n")[2].partition("\n")[2]


def test_s3cmd_sees_and_sets_what_a_bucket_and_an_object_have(person: Desk, bucket: str) -> None:
    person.run(f"s3cmd mb s3://{bucket}")
    person.write("object", b"123")
    person.run(f"s3cmd put --mime-type=text/csv --add-header=x-amz-meta-instrument:radar object s3://{bucket}")
    info = person.run(f"s3cmd info s3://{bucket}/object")
    assert "text/csv" in info
    assert "x-amz-meta-instrument: radar" in info
    assert "Location:  us-east-1" in person.run(f"s3cmd info s3://{bucket}")
    person.write("policy", json.dumps(POLICY).replace("BUCKET", bucket))
    person.run(f"s3cmd setpolicy policy s3://{bucket}")
    assert "my-os-tenancy-o-members" in person.run(f"s3cmd info s3://{bucket}")
    person.run(f"s3cmd delpolicy s3://{bucket}")
    assert "Policy:    none" in person.run(f"s3cmd info s3://{bucket}")
    rule = "<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>"
    person.write("cors", f"<CORSConfiguration>{rule}</CORSConfiguration>")
    person.run(f"s3cmd setcors cors s3://{bucket}")
    assert "AllowedOrigin" in person.run(f"s3cmd info s3://{bucket}")
    person.run(f"s3cmd delcors s3://{bucket}")
    person.run(f"s3cmd modify --add-header=x-amz-meta-instrument:lidar s3://{bucket}/object")
    assert "x-amz-meta-instrument: lidar" in person.run(f"s3cmd info s3://{bucket}/object")
    assert "Signature=" in person.run(f"s3cmd signurl s3://{bucket}/object +60")


def test_s3cmd_is_told_what_is_wrong(person: Desk, bucket: str) -> None:
    assert "NoSuchBucket" in person.try_(f"s3cmd ls s3://{bucket}").stderr
    person.run(f"s3cmd mb s3://{bucket}")
    assert "does not exist" in person.try_(f"s3cmd get s3://{bucket}/absent").stderr
    wrong = person.try_(f"s3cmd --secret_key=wrong ls s3://{bucket}")
    assert "SignatureDoesNotMatch" in wrong.stderr


def assert_same(left: Path, right: Path) -> None:
    compared = filecmp.dircmp(left, right)
    assert not compared.left_only + compared.right_only
    for name in compared.common_files:
        assert (left / name).read_bytes() == (right / name).read_bytes()
    for name in compared.common_dirs:
        assert_same(left / name, right / name)
