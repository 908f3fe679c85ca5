"""aws-cli: its `s3` commands, multipart, presigned URLs, and the calls of `s3api` that researchers' scripts make."""

from __future__ import annotations

import base64
import hashlib
import json
import os

import pytest
from tests.clients.running import Desk


@pytest.fixture(params=["inside", "outside"])
def person(request: pytest.FixtureRequest, desk: Desk) -> Desk:
    side = str(request.param)
    desk.environment |= {"AWS_ENDPOINT_URL": desk.environment[side.upper()], "AWS_CA_BUNDLE": desk.environment["CA"]}
    desk.write(".aws/config", "[default]\ns3 =\n    signature_version = s3v4\n")
    return desk.use("aws")


def test_aws_copies_lists_syncs_and_removes(person: Desk, bucket: str) -> None:
    data = os.urandom(20 * 1024 * 1024)
    person.write("big", data)
    person.write("folder/deep/b c+d", b"12")
    person.write("folder/a", b"1")
    s3 = f"s3://{bucket}"
    person.run(f"aws s3 mb {s3}")
    person.run(
        f"aws s3 cp --quiet big {s3}/big && aws s3 cp --quiet {s3}/big {s3}/copy && aws s3 cp --quiet {s3}/copy back"
    )
    assert (person.home / "back").read_bytes() == data
    assert person.run(f"aws s3 sync folder {s3}/folder").count("upload: ") == 2
    assert person.run(f"aws s3 sync folder {s3}/folder") == ""
    person.run(f"aws s3 sync --quiet {s3}/folder again && diff --recursive folder again")
    assert [line.split(maxsplit=3)[3] for line in person.run(f"aws s3 ls --recursive {s3}").splitlines()] == [
        "big",
        "copy",
        "folder/a",
        "folder/deep/b c+d",
    ]
    assert person.run(f"aws s3 ls {s3}/").splitlines()[0].split() == ["PRE", "folder/"]
    url = person.run(f"aws s3 presign {s3}/copy").strip()
    assert person.run(f"curl --silent --fail --cacert \"$CA\" '{url}' | cmp - big") == ""
    person.run(f"aws s3 mv --quiet {s3}/copy {s3}/moved && aws s3 rm --quiet {s3}/moved")
    person.run(f"aws s3 rb --force {s3}")
    assert bucket not in person.run("aws s3 ls")


@pytest.mark.parametrize("person", ["outside"], indirect=True)
def test_aws_api_calls_answer_as_scripts_expect(person: Desk, bucket: str) -> None:
    def api(words: str) -> dict[str, object]:
        answer: dict[str, object] = json.loads(person.run(f"aws s3api {words} --bucket {bucket}") or "{}")
        return answer

    person.write("object", b"temperature")
    api("create-bucket")
    api("head-bucket")
    assert api("get-bucket-location") == {"LocationConstraint": None}
    api("put-object --key a --body object --metadata instrument=radar --checksum-algorithm SHA256")
    head = api("head-object --key a --checksum-mode ENABLED")
    assert head["Metadata"] == {"instrument": "radar"}
    assert head["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(b"temperature").digest()).decode()
    assert api("get-object-attributes --key a --object-attributes ObjectSize")["ObjectSize"] == 11
    assert api("get-object --key a --range bytes=-4 part")["ContentRange"] == "bytes 7-10/11"
    assert (person.home / "part").read_bytes() == b"ture"
    api("put-object-tagging --key a --tagging 'TagSet=[{Key=project,Value=radar}]'")
    assert api("get-object-tagging --key a")["TagSet"] == [{"Key": "project", "Value": "radar"}]
    refused = person.try_(f"aws s3api put-object --key a --body object --if-none-match '*' --bucket {bucket}")
    assert "PreconditionFailed" in refused.stderr
    assert "VersionId" in json.dumps(api("list-object-versions"))
    upload = api("create-multipart-upload --key parts")["UploadId"]
    assert api("list-multipart-uploads")["Uploads"]
    api(f"abort-multipart-upload --key parts --upload-id {upload}")
    assert "Uploads" not in api("list-multipart-uploads")
    deleted = api("delete-objects --delete 'Objects=[{Key=a},{Key=absent}]'")["Deleted"]
    assert deleted == [{"Key": "a"}, {"Key": "absent"}]
