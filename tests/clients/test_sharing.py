"""Several people, several processes: members who share a bucket, the wall around it, and batch jobs that share a key."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.clients.running import Desk
from tests.serving import Store


def person(store: Store, folder: Path, tenancy: str, user: str) -> Desk:
    key = store.make_key(tenancy, user)
    desk = Desk(folder / user).use("s3cmd", "rclone")
    address = store.facts["s3"][0]
    desk.write(
        ".s3cfg",
        f"access_key = {key.token}\nsecret_key = {key.secret}\nhost_base = {address}\nhost_bucket = {address}\nuse_https = False\n",
    )
    return desk


def test_two_users_of_a_tenancy_work_in_one_members_write_bucket(store: Store, tmp_path: Path, bucket: str) -> None:
    alice, bob = (person(store, tmp_path, "shared-o", user) for user in ("alice", "bob"))
    alice.run(f"s3cmd mb s3://{bucket} && echo 1 | s3cmd put - s3://{bucket}/of-alice")
    assert bucket in bob.run("s3cmd ls")
    bob.run(f"echo 2 | s3cmd put - s3://{bucket}/of-bob && s3cmd get s3://{bucket}/of-alice one && grep 1 one")
    bob.run(f"echo 3 | s3cmd put - s3://{bucket}/of-alice")
    assert alice.run(f"s3cmd get s3://{bucket}/of-alice - 2>/dev/null") == "3\n"
    alice.run(f"s3cmd rm s3://{bucket}/of-bob")
    assert "of-bob" not in bob.run(f"s3cmd ls s3://{bucket}")
    assert "AccessDenied" in bob.try_(f"s3cmd rb --force --recursive s3://{bucket}").stderr


def test_nobody_of_another_tenancy_sees_a_shared_bucket(store: Store, tmp_path: Path, bucket: str) -> None:
    alice = person(store, tmp_path, "shared-o", "alice")
    alice.run(f"s3cmd mb s3://{bucket} && echo 1 | s3cmd put - s3://{bucket}/a")
    stranger = person(store, tmp_path, "strangers-o", "eve")
    assert stranger.run("s3cmd ls") == ""
    assert "NoSuchBucket" in stranger.try_(f"s3cmd ls s3://{bucket}").stderr
    stranger.run(f"s3cmd mb s3://{bucket}")
    assert stranger.run(f"s3cmd ls s3://{bucket}") == ""


def test_a_private_bucket_is_closed_to_other_users_until_its_policy_opens_it(
    store: Store, tmp_path: Path, bucket: str
) -> None:
    owner, other = (person(store, tmp_path, "my-os-tenancy-o", user) for user in ("owner", "other"))
    owner.run(f"s3cmd mb s3://{bucket} && echo 1 | s3cmd put - s3://{bucket}/a")
    assert (
        "AccessDenied" in other.try_(f"s3cmd get s3://{bucket}/a").stderr + other.try_(f"s3cmd ls s3://{bucket}").stderr
    )
    statement = {
        "Effect": "Allow",
        "Principal": {"user": ["other"]},
        "Action": ["GetObject", "ListBucket"],
        "Resource": [bucket, f"{bucket}/*"],
    }
    owner.write("policy", json.dumps({"Version": "2008-10-17", "Statement": [statement]}))
    owner.run(f"s3cmd setpolicy policy s3://{bucket}")
    assert other.run(f"s3cmd get s3://{bucket}/a - 2>/dev/null") == "1\n"
    assert "AccessDenied" in other.try_(f"echo 2 | s3cmd put - s3://{bucket}/a").stderr


_JOB = """\
import json, sys
import boto3
from botocore.exceptions import ClientError

with open("jasmin_object_store_credentials.json") as file:
    given = json.load(file)
client = boto3.client(
    "s3", endpoint_url=given["endpoint_url"], aws_access_key_id=given["token"], aws_secret_access_key=given["secret"]
)
bucket, number = sys.argv[1], int(sys.argv[2])
for part in range(5):
    client.put_object(Bucket=bucket, Key=f"out/{number:02}/{part}", Body=f"{number} {part}".encode() * 100)
while True:
    # A counter in an object, as jobs keep one: nobody's step may be lost.
    seen = client.get_object(Bucket=bucket, Key="counter")
    value = int(seen["Body"].read()) + 1
    try:
        client.put_object(Bucket=bucket, Key="counter", Body=str(value).encode(), IfMatch=seen["ETag"])
        break
    except ClientError as error:
        assert error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict"), error
"""


def test_twenty_processes_share_one_key_from_a_credentials_file(store: Store, tmp_path: Path, bucket: str) -> None:
    key = store.make_key("my-os-tenancy-o", "batch")
    client = store.client(key)
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="counter", Body=b"0")
    document = {"token": key.token, "secret": key.secret, "endpoint_url": store.endpoint_url}
    (tmp_path / "jasmin_object_store_credentials.json").write_text(json.dumps(document))
    (tmp_path / "job.py").write_text(_JOB)
    jobs = [
        subprocess.Popen(
            [sys.executable, "job.py", bucket, str(number)], cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        for number in range(20)
    ]
    assert [(job.communicate()[1], job.returncode) for job in jobs] == [("", 0)] * 20
    assert client.get_object(Bucket=bucket, Key="counter")["Body"].read() == b"20"
    keys = [each["Key"] for each in client.list_objects_v2(Bucket=bucket, Prefix="out/")["Contents"]]
    assert keys == [f"out/{number:02}/{part}" for number in range(20) for part in range(5)]
    for name in keys:
        _, number, part = name.split("/")
        assert client.get_object(Bucket=bucket, Key=name)["Body"].read() == f"{int(number)} {part}".encode() * 100
    with store.office() as office:
        from holdfast.admin.access_keys import revoke_access_key

        revoke_access_key(office, key.token)
    with pytest.raises(ClientError, match=r"InvalidAccessKeyId|AccessDenied"):
        client.list_objects_v2(Bucket=bucket)
