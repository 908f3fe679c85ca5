"""A1, somebody without an account: a public bucket in a browser, what to run, and nothing of what is private."""

from __future__ import annotations

from pathlib import Path

import requests
from tests.browser.conftest import Visit
from tests.browser.desk import desk_with_names
from tests.browser.place import Place
from tests.browser.registry import make_member

from holdfast.auth.roles import Role

TENANCY = "open-o"


def test_a_public_bucket_is_browsed_and_read_by_a_program(town: Place, visit: Visit, tmp_path: Path) -> None:
    town.clerk.run(make_member, TENANCY, "opal", Role.MANAGER)
    client = town.store.client(town.store.make_key(TENANCY, "opal", role=None))
    for bucket in ("scans", "private"):
        client.create_bucket(Bucket=bucket)
    for number in range(3):
        client.put_object(Bucket="scans", Key=f"2026/<b>scan {number}.txt", Body=b"scan" * 600)
    client.put_object(Bucket="private", Key="2026/secret.txt", Body=b"x")

    host = town.store.host_of(TENANCY, secure=True)
    somebody = visit().go(f"https://{host}/scans/").is_at("Not public, or not there")
    opal = visit("opal").go("/").click(TENANCY).click("Buckets").click("scans").sees("Private").click("Sharing")
    opal.choose("Who can see this bucket?", "Anyone on the internet can list and download").click("Continue")
    opal.sees("No account is needed", "7.2 KB in 3 objects, and whatever is added").click("Make it public")
    opal.sees("Public", "From now on anyone on the internet can list and download it.")

    somebody.go(f"https://{host}/scans/").is_at("Index of scans").click("2026/").is_at("scans/2026/")
    somebody.sees("<b>scan 0.txt", "2.4 KB")
    assert somebody.download("<b>scan 0.txt").read_bytes() == b"scan" * 600

    code = somebody.page.get_by_role("region", name="Python").inner_text()
    assert "anon=True" in code
    desk = desk_with_names(tmp_path / "desk", [host.partition(":")[0]])
    desk.environment |= {"AWS_CA_BUNDLE": str(town.store.ca), "CURL_CA_BUNDLE": str(town.store.ca)}
    assert "scans/2026/<b>scan 0.txt" in desk.python(code)
    lines = somebody.page.get_by_role("region", name="curl").inner_text()
    desk.run(lines)
    assert (desk.home / "object").read_bytes() == b"scan" * 600

    somebody.go(f"https://{host}/private/").is_at("Not public, or not there").sees_no("secret.txt")
    somebody.go(f"https://{host}/").is_at("An address for programs").sees_no("scans", "private")
    refused = desk.try_(["python3", desk.write("other.py", code.replace("scans", "private"))])
    assert refused.returncode != 0
    assert "PermissionError" in refused.stderr
    assert "secret.txt" not in refused.stdout


def test_what_is_private_and_what_is_not_there_look_alike(town: Place) -> None:
    town.clerk.run(make_member, "closed-o", "cora")
    client = town.store.client(town.store.make_key("closed-o", "cora", role=None))
    client.create_bucket(Bucket="private")
    headers = {"Host": town.store.host_of("closed-o"), "Accept": "text/html"}
    seen = []
    for bucket in ("private", "no-such-bucket"):
        answer = requests.get(f"{town.store.endpoint_url}/{bucket}/", headers=headers, timeout=10)
        seen.append((answer.status_code, answer.headers["Content-Type"], answer.text))
    assert seen[0] == seen[1]
    assert seen[0][:2] == (403, "text/html; charset=utf-8")
    assert "Not public, or not there" in seen[0][2]


def test_the_address_that_people_remember_leads_to_the_tenancy_s_page(town: Place, visit: Visit) -> None:
    town.clerk.run(make_member, "remembered-o", "remy")
    remy = visit("remy")
    for secure in (False, True):
        host = town.store.host_of("remembered-o", secure=secure)
        scheme = "https" if secure else "http"
        remy.go(f"{scheme}://{host}/_admin/portal").is_at("remembered-o")
        assert remy.path == "/tenancies/remembered-o/"
    remy.go(f"http://{town.store.host_of('remembered-o')}/").is_at("An address for programs")
    remy.page.get_by_role("link").first.click()
    remy.is_at("remembered-o")
