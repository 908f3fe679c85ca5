"""`make guide-pictures`: the pictures of the guides in docs/, taken anew of the portal as it is.

    python -m tests.browser.guide_pictures [--only NAME] [--to docs/images/portal]

One tenancy with its people and data, as the guides tell of it. Each picture is one entry of PICTURES; a guide that names
a picture which is not there, and a picture that no guide names, fail a test (tests/docs).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from playwright.sync_api import sync_playwright
from tests.browser import browsers
from tests.browser.joining import ask_to_join, set_face
from tests.browser.place import Place, place
from tests.browser.registry import Registry, make_person
from tests.browser.visitor import Visitor

from holdfast.auth.roles import Role

TARGET: Final = Path(__file__).resolve().parents[2] / "docs/images/portal"
WINDOW: Final = {"width": 1100, "height": 720}
TENANCY: Final = "my-os-tenancy-o"
IN: Final = f"/tenancies/{TENANCY}/"
BUCKET: Final = "climate"
FILE: Final = "cmip6/tas_day_UKESM1-0-LL_ssp585_2026.nc"
GIB: Final = 1 << 30


class Picture(NamedTuple):
    """Where somebody looks, and what they have done there."""

    viewer: str
    """Who has logged in; empty for nobody."""
    address: str
    act: Callable[[Visitor], object] = lambda visitor: None


def _fill_in_a_token(visitor: Visitor) -> None:
    visitor.fill("Description", "laptop")


def _make_a_token(visitor: Visitor) -> None:
    visitor.fill("Description", "laptop").click("Add").is_at("Your new token")


PICTURES: Final[Mapping[str, Picture]] = {
    "log-in": Picture("", "/account/login/"),
    "my-tenancies": Picture("bob", "/"),
    "services": Picture("carol", "/services/object-store/"),
    "ask-to-join": Picture("carol", f"{IN}join/"),
    "cog": Picture("bob", IN, lambda visitor: visitor.click("Settings")),
    "add-a-token": Picture("bob", f"{IN}tokens/add/", _fill_in_a_token),
    "new-token": Picture("bob", f"{IN}tokens/add/", _make_a_token),
    "buckets": Picture("bob", f"{IN}buckets/"),
    "bucket": Picture("bob", f"{IN}buckets/{BUCKET}/?folder=cmip6/"),
    "object": Picture("bob", f"{IN}buckets/{BUCKET}/object/?key={FILE}"),
    "upload": Picture("bob", f"{IN}buckets/{BUCKET}/upload/?prefix=cmip6/"),
    "sharing": Picture("bob", f"{IN}buckets/{BUCKET}/sharing/"),
    "requests": Picture("alice", f"{IN}requests/"),
    "members": Picture("alice", f"{IN}members/"),
    "quota": Picture("alice", f"{IN}quota/"),
}


def _people(registry: Registry) -> None:
    from holdfast.admin.tenancies import create_tenancy

    create_tenancy(registry.office, TENANCY, limit_bytes=500 * GIB)
    registry.person("alice", full_name="Alice Ahmed")
    registry.person("bob", full_name="Bob Baker")
    registry.member(TENANCY, "alice", Role.MANAGER)
    for name, role in (("bob", Role.USER), ("dora", Role.DEPUTY), ("gus", Role.GUEST)):
        registry.member(TENANCY, name, role)
    registry.member("oceans-o", "orla", Role.MANAGER)
    set_face(registry, TENANCY, summary="Climate model output and what is made of it.")
    set_face(registry, "oceans-o", summary="Buoys, gliders and satellites.")
    ask_to_join(registry, TENANCY, ["erin", "finn"])


def _data(running: Place) -> None:
    client = running.store.client(running.store.make_key(TENANCY, "bob", role=None))
    for bucket in (BUCKET, "figures"):
        client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=BUCKET, Key=FILE, Body=bytes(7_312_908), ContentType="application/x-netcdf")
    for chunk in range(4):
        client.put_object(Bucket=BUCKET, Key=f"cmip6/tas.zarr/tas/0.0.{chunk}", Body=bytes(900_000))
    client.put_object(Bucket=BUCKET, Key="cmip6/tas.zarr/zarr.json", Body=b"{}", ContentType="application/json")
    client.put_object(Bucket=BUCKET, Key="cmip6/read-me.txt", Body=b"What is in here.\n", ContentType="text/plain")
    client.put_object(Bucket="figures", Key="anomaly.png", Body=bytes(240_000), ContentType="image/png")


def main() -> None:
    """Take all pictures, or one of them."""
    parser = argparse.ArgumentParser(description="Take the pictures of the guides anew.")
    parser.add_argument("--only", default="", metavar="NAME", help="only this picture")
    parser.add_argument("--to", type=Path, default=TARGET, metavar="FOLDER", help="where the pictures go")
    asked = parser.parse_args()
    wanted = {name: picture for name, picture in PICTURES.items() if asked.only in ("", name)}
    if not wanted:
        sys.exit(f"there is no picture {asked.only}: take one of {', '.join(PICTURES)}")
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        browsers.chromium(playwright) as browser,
        place(Path(folder) / "home", site_name="Object store", support_contact="help@example.org") as running,
    ):
        running.clerk.run(_people)
        running.clerk.run(make_person, "carol")
        _data(running)
        for name, picture in wanted.items():
            visitor = Visitor(browsers.new_context(browser, viewport=WINDOW), running.origin, Path(folder))
            visitor.page.emulate_media(color_scheme="light", reduced_motion="reduce")
            if picture.viewer:
                visitor.context.add_cookies([running.session(picture.viewer)])
            picture.act(visitor.go(picture.address))
            visitor.page.wait_for_load_state("networkidle")
            visitor.page.screenshot(path=asked.to / f"{name}.png", animations="disabled")
            visitor.leave()
    print(f"{len(wanted)} pictures: {asked.to}")


if __name__ == "__main__":
    main()
