"""A tenancy from request to close-down on a running store: what S3 clients, mails and the worker make of it (M1, M4, M7)."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from tests.browser.place import Place, place, text_of
from tests.browser.registry import Registry, session_of
from tests.serving import Key

from holdfast.auth.roles import Role

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tenancies-on-s3")]

LIMIT = 1_000_000
WITHIN_S = 30


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(tmp_path_factory.mktemp("tenancies-on-s3") / "home", closing_grace_days="0") as running:
        yield running


def code(act: Callable[[], Any]) -> str:
    """Return S3's code for what is refused; empty for what is not."""
    try:
        act()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def until(found: Callable[[], Any]) -> Any:
    """Return what is found, as soon as it is."""
    give_up_s = time.monotonic() + WITHIN_S
    while not (seen := found()):
        assert time.monotonic() < give_up_s, "it did not come to be"
        time.sleep(0.1)
    return seen


def download(site: Place, name: str, path: str) -> str:
    """Return a file of the portal as a browser gets it."""
    cookies = {"__Host-session": site.clerk.run(session_of, name)}
    answer = requests.get(site.origin + path, cookies=cookies, verify=str(site.store.ca), timeout=30)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return answer.text


# --- What the clerk does in the portal ---


def browser_of(registry: Registry, name: str) -> Any:
    """Return a browser without a browser, logged in as a person just now."""
    from django.test import Client

    client = Client(headers={"host": registry.house.settings.portal_origin.removeprefix("https://")})
    client.defaults["wsgi.url_scheme"] = "https"
    client.cookies["__Host-session"] = session_of(registry, name)
    return client


def ask_and_approve(registry: Registry) -> str:
    """Ask for a tenancy and approve it, both on the pages; return where its MANAGER is led."""
    from datetime import timedelta

    from holdfast.portal.joining.days import today

    registry.person("olga", is_operator=True)
    ends_on = (today() + timedelta(days=100)).isoformat()
    said = {
        "name": "polar-o", "purpose": "Model output of the polar project.", "limit_bytes": f"{LIMIT}B",
        "ends_on": ends_on, "is_harmless": "on",
    }  # fmt: skip
    answer = browser_of(registry, "ann").post("/ask-for-a-tenancy/", said)
    number = answer["Location"].rstrip("/").rpartition("/")[2]
    decision = {"version": "1", "decision": "approve", "limit_bytes": f"{LIMIT}B", "ends_on": ends_on}
    page = browser_of(registry, "olga").post(
        f"/operators/tenancy-requests/{number}/", {**decision, "promises_more": "on"}
    )
    assert page.status_code == 302, page.content.decode()
    return str(browser_of(registry, "ann").get("/tenancies/polar-o/").status_code)


def make_members(registry: Registry, tenancy: str, **roles: Role) -> None:
    for name, role in roles.items():
        registry.member(tenancy, name, role)
    registry.person("olga", is_operator=True)


def post(registry: Registry, name: str, path: str, said: dict[str, str]) -> int:
    return int(browser_of(registry, name).post(path, said).status_code)


def read(registry: Registry, name: str, path: str) -> str:
    return str(browser_of(registry, name).get(path).content.decode())


def let_the_grace_end(registry: Registry, tenancy: str) -> int:
    """Set the end of a closing back by a day, as time would; return its number."""
    from datetime import timedelta

    from holdfast.admin.lookups import get_tenancy
    from holdfast.catalog.rows import TENANCIES
    from holdfast.portal.tenancies.closing import frozen_reason
    from holdfast.portal.tenancies.models import Closing

    closing = Closing.objects.get(tenancy_name=tenancy, state="GRACE")
    closing.grace_ends_on -= timedelta(days=1)
    closing.save()
    with registry.house.catalog.read() as rows:
        row = get_tenancy(rows, tenancy)
    after = row._replace(reason=frozen_reason(closing))
    assert registry.house.catalog.commit([lambda tx: tx.replace(TENANCIES, after)])[0].error is None
    return int(closing.pk)


def state_of_closing(registry: Registry, number: int) -> str:
    from holdfast.portal.tenancies.models import Closing

    return str(Closing.objects.get(pk=number).state)


# --- Journeys ---


def test_an_approved_tenancy_works_at_once_under_its_host_name(site: Place) -> None:
    assert site.clerk.run(ask_and_approve) == "200"
    key = site.store.make_key("polar-o", "ann", None)
    began_s = time.monotonic()
    client = site.store.client(key)
    client.create_bucket(Bucket="data")
    assert time.monotonic() - began_s < 5
    mail = text_of(site.mail("ann@example.org", "polar-o is there"))
    (host,) = set(re.findall(r"http://(polar-o\S+)", mail))
    import urllib.request

    request = urllib.request.Request(site.store.endpoint_url + "/", headers={"Host": host})
    with pytest.raises(Exception, match="403") as refused:
        urllib.request.urlopen(request)
    assert "AccessDenied" in refused.value.read().decode()  # type: ignore[attr-defined]


def test_at_a_full_quota_writes_fail_clearly_and_reads_and_every_delete_work(site: Place) -> None:
    site.store.make_tenancy("full-o", limit_bytes=LIMIT)
    site.clerk.run(make_members, "full-o", mary=Role.MANAGER, dan=Role.DEPUTY, uma=Role.USER)
    client = site.store.client(site.store.make_key("full-o", "mary", None))
    client.create_bucket(Bucket="data")
    for number in range(9):
        client.put_object(Bucket="data", Key=f"k{number}", Body=b"x" * 100_000)
    subject = str(site.mail("mary@example.org", "90 % full")["Subject"])
    assert "full-o" in subject
    upload = client.create_multipart_upload(Bucket="data", Key="big")
    client.upload_part(Bucket="data", Key="big", PartNumber=1, UploadId=upload["UploadId"], Body=b"x" * 100_000)

    with pytest.raises(ClientError) as refused:
        client.put_object(Bucket="data", Key="more", Body=b"x")
    assert refused.value.response["Error"]["Code"] == "QuotaExceeded"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert "full-o" in refused.value.response["Error"]["Message"]
    for name in ("mary", "dan"):
        assert "deletes of every kind" in text_of(site.mail(f"{name}@example.org", "full-o is full"))
    assert "Full: nothing that needs more room" in site.clerk.run(read, "uma", "/tenancies/full-o/quota/")

    assert client.get_object(Bucket="data", Key="k0")["Body"].read() == b"x" * 100_000
    assert client.list_objects_v2(Bucket="data")["KeyCount"] == 9
    assert code(lambda: client.put_object(Bucket="data", Key="k0", Body=b"smaller")) == ""
    assert code(lambda: client.delete_object(Bucket="data", Key="k1")) == ""
    gone = client.delete_objects(Bucket="data", Delete={"Objects": [{"Key": "k2"}, {"Key": "k3"}]})
    assert len(gone["Deleted"]) == 2
    assert code(lambda: client.abort_multipart_upload(Bucket="data", Key="big", UploadId=upload["UploadId"])) == ""
    assert code(lambda: client.put_object(Bucket="data", Key="more", Body=b"x")) == ""


def test_who_is_given_a_bucket_may_do_everything_there_and_who_left_nothing(site: Place) -> None:
    site.clerk.run(make_members, "left-o", mary=Role.MANAGER, lee=Role.USER, uma=Role.USER)
    key = site.store.make_key("left-o", "lee", None)
    site.store.client(key).create_bucket(Bucket="cmip6")
    site.store.client(key).put_object(Bucket="cmip6", Key="k", Body=b"bytes")
    with site.store.office() as office:
        from holdfast.admin.members import remove_member

        remove_member(office, "left-o", "lee")
    uma = site.store.client(site.store.make_key("left-o", "uma", None))
    assert code(lambda: uma.get_object(Bucket="cmip6", Key="k")) == "AccessDenied"
    assert site.clerk.run(transfer, "left-o", "lee", "cmip6", "uma") == 302
    assert uma.get_object(Bucket="cmip6", Key="k")["Body"].read() == b"bytes"
    uma.delete_object(Bucket="cmip6", Key="k")
    uma.delete_bucket(Bucket="cmip6")
    assert code(lambda: site.store.client(key).list_buckets()) == "InvalidAccessKeyId"


def transfer(registry: Registry, tenancy: str, owner: str, bucket: str, new_owner: str) -> int:
    from tests.portal.test_leavers import hidden

    client = browser_of(registry, "mary")
    path = f"/tenancies/{tenancy}/leavers/{registry.person(owner).principal_id}/"
    planned = hidden(client.post(path, {"buckets": [bucket], "new_owner": new_owner}))
    return int(client.post(path, planned).status_code)


def test_a_closed_tenancy_is_frozen_read_deleted_and_certified(site: Place) -> None:
    site.clerk.run(make_members, "over-o", mary=Role.MANAGER, uma=Role.USER)
    key: Key = site.store.make_key("over-o", "uma", None)
    client = site.store.client(key)
    client.create_bucket(Bucket="data")
    for number in range(5):
        client.put_object(Bucket="data", Key=f"k{number}", Body=b"x" * 1_000)
    upload = client.create_multipart_upload(Bucket="data", Key="big")
    client.upload_part(Bucket="data", Key="big", PartNumber=1, UploadId=upload["UploadId"], Body=b"x" * 500)

    assert site.clerk.run(post, "mary", "/tenancies/over-o/close/", {"reason": "over", "typed_name": "over-o"}) == 302
    until(lambda: code(lambda: client.put_object(Bucket="data", Key="new", Body=b"x")) == "TenancySuspended")
    assert client.get_object(Bucket="data", Key="k0")["Body"].read() == b"x" * 1_000
    assert code(lambda: client.delete_object(Bucket="data", Key="k0")) == ""
    assert "copy what you need" in text_of(site.mail("uma@example.org", "over-o is being closed"))
    manifest = list(csv.DictReader(download(site, "mary", "/tenancies/over-o/close/manifest/data/").splitlines()))
    assert [(row["key"], row["size_bytes"]) for row in manifest] == [(f"k{number}", "1000") for number in range(1, 5)]

    assert site.clerk.run(post, "mary", "/tenancies/over-o/close/take-back/", {}) == 302
    until(lambda: code(lambda: client.put_object(Bucket="data", Key="new", Body=b"x")) == "")
    site.mail("uma@example.org", "over-o stays open")

    assert site.clerk.run(post, "mary", "/tenancies/over-o/close/", {"reason": "over", "typed_name": "over-o"}) == 302
    until(lambda: code(lambda: client.put_object(Bucket="data", Key="new", Body=b"x")) == "TenancySuspended")
    number = site.clerk.run(let_the_grace_end, "over-o")
    path = f"/operators/closings/{number}/"
    assert site.clerk.run(post, "olga", path, {"typed_name": "over-o"}) == 302
    until(lambda: site.clerk.run(state_of_closing, number) == "DELETED")
    until(lambda: code(lambda: client.get_object(Bucket="data", Key="k1")) == "InvalidAccessKeyId")
    site.mail("mary@example.org", "over-o is deleted")
    certificate = site.clerk.run(read, "mary", f"/certificates/{number}/text/")
    assert "Objects: 5" in certificate
    assert "Bytes:   4,501" in certificate
    from holdfast.catalog.rows import BUCKETS, OBJECTS, TENANCIES

    with site.store.office() as office, office.read() as rows:
        assert "over-o" not in [row.name for row in rows.scan(TENANCIES)]
        bucket_ids = {row.bucket_id for row in rows.scan(BUCKETS)}
        assert {row.bucket_id for row in rows.scan(OBJECTS)} <= bucket_ids
