"""mc, with the article's commands in full: ls, cp between buckets, cat, rm, and what people do with it beside."""

from __future__ import annotations

import json
import os

import pytest
from tests.clients.running import Desk
from tests.serving import Store

from holdfast.auth.roles import Role


@pytest.fixture(params=["mc", "mc-config-host"])
def person(request: pytest.FixtureRequest, desk: Desk, store: Store) -> Desk:
    desk.use(str(request.param))
    desk.write(".mc/certs/CAs/holdfast.pem", store.ca.read_bytes())
    configure = "alias set" if request.param == "mc" else "config host add"
    for alias in ("inside", "outside"):
        desk.run(f'mc {configure} {alias} "${alias.upper()}" "$TOKEN" "$SECRET"')
    return desk


@pytest.mark.parametrize("side", ["inside", "outside"])
def test_mc_copies_lists_reads_and_removes(person: Desk, side: str, bucket: str) -> None:
    here = f"{side}/{bucket}"
    data = os.urandom(100_000)
    person.write("folder/deep/b c+d", data)
    person.write("folder/a", b"a\n")
    person.run(f"mc mb {here} {here}-2")
    person.run(f"mc cp --recursive folder/ {here}/folder/")
    assert [json.loads(line)["key"] for line in person.run(f"mc ls --json --recursive {here}").splitlines()] == [
        "folder/a",
        "folder/deep/b c+d",
    ]
    person.run(f"mc cp {here}/folder/a {here}-2/")
    assert person.run(f"mc cat {here}-2/a") == "a\n"
    assert "2 objects" in person.run(f"mc du {here}")
    person.run(f"mc mirror {here}/folder back")
    assert (person.home / "back/deep/b c+d").read_bytes() == data
    person.run(f"mc mv {here}-2/a {here}-2/moved && mc rm {here}-2/moved")
    assert person.run(f"mc ls {here}-2") == ""
    person.run(f"mc rm --recursive --force {here} && mc rb {here} {here}-2")
    assert bucket not in person.run(f"mc ls {side}")


def test_mc_opens_a_bucket_to_the_world_beside_a_group_that_is_written_in_the_form_of_aws(
    desk: Desk, store: Store, bucket: str
) -> None:
    key = store.make_key("my-os-tenancy-o", "mary", Role.MANAGER)
    desk.use("mc").run(f'mc alias set here "$INSIDE" {key.token} {key.secret} && mc mb here/{bucket}')
    client = store.client(key)
    group = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    for principal, works in (
        ({"AWS": "arn:aws:iam:::group/my-os-tenancy-o-members"}, True),
        ({"group": ["my-os-tenancy-o-members"]}, False),
    ):
        client.put_bucket_policy(
            Bucket=bucket,
            Policy=json.dumps({"Statement": [{**group, "Principal": principal}], "Version": "2012-10-17"}),
        )
        said = desk.try_(f"mc anonymous set download here/{bucket}")
        assert (said.returncode == 0) is works, said.stderr
        assert works or "it names nobody" in said.stderr
        assert ("group/my-os-tenancy-o-members" in client.get_bucket_policy(Bucket=bucket)["Policy"]) is works


@pytest.mark.parametrize("side", ["inside", "outside"])
def test_mc_uploads_in_parts_copies_and_shares(person: Desk, side: str, bucket: str) -> None:
    here = f"{side}/{bucket}"
    data = os.urandom(33 * 1024 * 1024)
    person.write("big", data)
    person.run(f"mc mb {here} && mc cp big {here}/big && mc cp {here}/big {here}/copy && mc cp {here}/copy back")
    assert (person.home / "back").read_bytes() == data
    assert json.loads(person.run(f"mc stat --json {here}/big"))["etag"].endswith("-3")
    assert "big" in person.run(f"mc find {here} --larger 32MiB")
    url = json.loads(person.run(f"mc share download --json {here}/big"))["share"]
    assert person.run(f"curl --silent --fail --cacert \"$CA\" '{url}' | cmp - big") == ""
    person.run(f"mc tag set {here}/big project=radar")
    assert "radar" in person.run(f"mc tag list {here}/big")
