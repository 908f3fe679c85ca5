"""A holdfast in which every page of the portal can be seen in every state: nothing, one, many, long names, full …

Tenancies are named for the state that they are in. MIA is MANAGER of all of them, ANN is USER.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Final

from tests.browser import tenancies
from tests.browser.joining import ask_to_join, set_face
from tests.browser.place import Place, link_in
from tests.browser.registry import Registry, login_link_of

from holdfast.auth.roles import Role

MIA: Final = "mia"
ANN: Final = "ann"
GUS: Final = "gus"
NED: Final = "ned"
"""Somebody who asks to join, and belongs to no tenancy yet."""
OLGA: Final = "olga"
HANA: Final = "hana"
"""Somebody new, who belongs to no tenancy and asked for nothing."""
HEIDI: Final = "heidi"
"""Suspended: she may not log in."""
TYRA: Final = "tyra"
"""Somebody with an app and a passkey for the second step."""
LENA: Final = "konstantinos-papadopoulos-hadjimichael-van-der-westhuizen-jr-2"
"""Somebody whose names are as long as may be."""

EMPTY: Final = "empty-o"
ONE: Final = "one-o"
MANY: Final = "many-o"
LONG: Final = "atmospheric-chemistry-and-transport-of-very-long-names-o"
FULL: Final = "full-o"
HELD: Final = "suspended-o"
CLOSING: Final = "closing-o"
NOWHERE: Final = "not-there-o"
ENDING: Final = "ending-o"
"""Closed by its manager, and readable for a while."""
ENDED: Final = "ended-o"
"""Closed so long ago that its data may be deleted."""
LEE: Final = "lee"
"""Somebody who has left MANY, and owns buckets there."""

BUCKET: Final = "radar"
LONG_BUCKET: Final = "era5-reanalysis-hourly-on-pressure-levels-1979-to-2026-northern"
KEY: Final = "2026/scan-001.nc"
LONG_FOLDER: Final = "cmip6/ScenarioMIP/MOHC/UKESM1-0-LL/ssp585/r1i1p1f2/Amon/"
LONG_KEY: Final = (
    LONG_FOLDER
    + "near-surface-air-temperature-and-relative-humidity-without-any-space-to-break-at" * 2
    + ".zarr/tas/0.0.0"
)
LONG_TEXT: Final = (
    "The nightly job that takes the output of all ensemble members from the scratch disk of the cluster and writes it "
    "here-without-asking-anybody-and-without-any-space-in-its-name-that-a-line-could-be-broken-at"
)
MANY_COUNT: Final = 60


def settle(running: Place) -> Mapping[str, str]:
    """Fill a holdfast, and return what the addresses of pages name beside the constants of this module."""
    running.clerk.run(_people_and_tenancies)
    facts = {"upload": _data(running)}
    for act in (_tokens, _joining, _second_step, _links_of_accounts, _deletions):
        facts |= running.clerk.run(act)
    invited = running.mail("guest@elsewhere.example", ONE)
    facts |= {"invitation": _secret_of(link_in(invited)), "mail": running.clerk.run(_mail)}
    facts |= _tenancies(running)
    return facts | {"login_link": _secret_of(running.clerk.run(login_link_of, ANN))}


def _secret_of(link: str) -> str:
    return link.rstrip("/").rpartition("/")[2]


def _people_and_tenancies(registry: Registry) -> None:
    from holdfast.admin.tenancies import create_tenancy
    from holdfast.admin.users import suspend_user

    office = registry.office
    registry.person(OLGA, is_operator=True)
    registry.person(NED)
    registry.person(HANA)
    registry.person(HEIDI)
    suspend_user(office, HEIDI)
    long_name = (
        "Dr Konstantinos-Alexandros Papadopoulos-Hadjimichael van der Westhuizen, of the Institute of Everything"
    )
    registry.person(LENA, full_name=long_name, email=f"{'k' * 60}@{'departmental-' * 4}mail.example.org")
    for name in (EMPTY, ONE, MANY, LONG, FULL, HELD, CLOSING):
        create_tenancy(office, name, limit_bytes=1 << (20 if name == FULL else 42))
        registry.member(name, MIA, Role.MANAGER)
        registry.member(name, ANN)
    registry.member(LONG, LENA, Role.DEPUTY)
    registry.member(ONE, GUS, Role.GUEST)
    for number in range(MANY_COUNT):
        registry.member(MANY, f"member-{number:02}", Role.DEPUTY if number % 20 == 0 else Role.USER)


def _data(running: Place) -> str:
    store = running.store
    client = store.client(store.make_key(ONE, ANN, role=None))
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key=KEY, Body=bytes(100_000), Metadata={"instrument": "x-band"})
    client.put_object(Bucket=BUCKET, Key="read-me.txt", Body=b"Scans of 2026.\n" * 40, ContentType="text/plain")
    client.put_object(Bucket=BUCKET, Key="facts.json", Body=b'{"scans": 1}', ContentType="application/json")
    client.put_object(Bucket=BUCKET, Key="look.png", Body=_picture(), ContentType="image/png")
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="2026/unfinished.nc")

    client = store.client(store.make_key(LONG, LENA, role=None))
    client.create_bucket(Bucket=LONG_BUCKET)
    facts = {f"an-attribute-{number}": LONG_TEXT for number in range(4)}
    client.put_object(Bucket=LONG_BUCKET, Key=LONG_KEY, Body=b"x", Metadata=facts, Tagging=f"{'t' * 128}={'v' * 256}")
    client.create_multipart_upload(Bucket=LONG_BUCKET, Key=LONG_KEY + "/unfinished")

    client = store.client(store.make_key(MANY, MIA, role=None))
    for number in range(MANY_COUNT):
        client.create_bucket(Bucket=f"run-{number:02}")
        client.create_multipart_upload(Bucket="run-00", Key=f"unfinished-{number:02}.nc")
    for number in range(250):
        client.put_object(Bucket="run-00", Key=f"{number % 9}/step-{number:04}.nc" if number % 2 else f"log-{number}")

    for number, principal, actions in (
        (2, {"AWS": ["ann"]}, ["s3:GetObject"]),
        (3, "*", ["s3:GetObject", "s3:ListBucket"]),
    ):
        arns = [f"arn:aws:s3:::run-{number:02}", f"arn:aws:s3:::run-{number:02}/*"]
        statement = {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": arns}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        client.put_bucket_policy(Bucket=f"run-{number:02}", Policy=json.dumps(policy))

    client = store.client(store.make_key(FULL, ANN, role=None))
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key=KEY, Body=bytes(1 << 20))

    for name in (HELD, CLOSING):
        client = store.client(store.make_key(name, ANN, role=None))
        client.create_bucket(Bucket=BUCKET)
        client.put_object(Bucket=BUCKET, Key=KEY, Body=b"x")
    running.clerk.run(_suspend_and_close)
    return upload["UploadId"]


def _suspend_and_close(registry: Registry) -> None:
    from holdfast.admin.tenancies import close_tenancy, suspend_tenancy

    suspend_tenancy(registry.office, HELD, "A disk of yours was found in the wild. Write to help@example.org.")
    close_tenancy(registry.office, CLOSING, "The project ended in June.")


def _tokens(registry: Registry) -> dict[str, str]:
    from holdfast.admin.access_keys import create_access_key, revoke_access_key

    office, keyring, limits = registry.office, registry.house.keyring, registry.house.settings.limits
    found = {}
    for tenancy, name in ((ONE, ANN), (LONG, LENA), (MANY, MIA)):
        options = {"buckets": [LONG_BUCKET], "prefixes": [LONG_KEY[:150]]} if tenancy == LONG else {}
        made = create_access_key(office, keyring, limits, tenancy, name, description=LONG_TEXT[:100], **options)
        found[f"token_of_{tenancy.partition('-')[0]}"] = made.row.access_key_id
    for number in range(MANY_COUNT):
        made = create_access_key(office, keyring, limits, MANY, f"member-{number:02}", description=f"laptop {number}")
        if number % 7 == 0:
            revoke_access_key(office, made.row.access_key_id)
    return found


def _joining(registry: Registry) -> dict[str, str]:
    from datetime import timedelta

    from holdfast.admin.lookups import get_bucket, get_tenancy
    from holdfast.portal.access import find_standing
    from holdfast.portal.joining.days import today
    from holdfast.portal.joining.deciding import refuse
    from holdfast.portal.joining.inviting import invite
    from holdfast.portal.joining.models import AccessRequest

    kinds = ("text", "paragraph", "choice", "choices", "yes", "date", "number")
    questions = [
        {"id": kind, "label": f"A question of kind {kind}?", "kind": kind, "help": "Say it in short.",
         "options": ["Ice", "Sea", "Air"] if kind.startswith("choice") else [], "required": True}
        for kind in kinds
    ]  # fmt: skip
    set_face(registry, ONE, summary="Weather radar of the south", description=LONG_TEXT, questions=questions)
    set_face(registry, LONG, summary=LONG_TEXT[:160], description=LONG_TEXT * 3)
    set_face(registry, HELD, hidden=True)
    ask_to_join(registry, ONE, [NED, LENA])
    ask_to_join(registry, EMPTY, [NED])
    ask_to_join(registry, MANY, [NED, *(f"asker-{number:02}" for number in range(MANY_COUNT))])

    def request_of(tenancy: str, name: str) -> AccessRequest:
        with registry.house.catalog.read() as rows:
            tenancy_id = get_tenancy(rows, tenancy).tenancy_id
        principal_id = registry.person(name).principal_id
        return AccessRequest.objects.get(tenancy_id=tenancy_id, applicant_id=principal_id)

    mia = registry.person(MIA)
    for tenancy in (EMPTY, MANY):
        standing = find_standing(mia, tenancy)
        assert standing is not None
        why = "Say more about the project, and who leads it."
        refuse(standing, request_of(tenancy, NED).pk, reason=why, is_incomplete=tenancy == MANY)
    standing = find_standing(mia, ONE)
    assert standing is not None
    with registry.house.catalog.read() as rows:
        bucket_id = get_bucket(rows, get_tenancy(rows, ONE), BUCKET).bucket_id
    invite(standing, "guest@elsewhere.example", {bucket_id: "write"}, today() + timedelta(days=30), LONG_TEXT)
    return {
        "request": str(request_of(ONE, NED).pk),
        "request_long": str(request_of(ONE, LENA).pk),
        "request_rejected": str(request_of(EMPTY, NED).pk),
    }


def _tenancies(running: Place) -> dict[str, str]:
    clerk = running.clerk
    for name in (ENDING, ENDED, "gone-o"):
        clerk.run(tenancies.make_tenancy, name, MIA, ANN)
        client = running.store.client(running.store.make_key(name, ANN, role=None))
        client.create_bucket(Bucket=BUCKET)
        client.put_object(Bucket=BUCKET, Key=KEY, Body=bytes(100_000))
    clerk.run(tenancies.make_tenancy, MANY, MIA, LEE)
    client = running.store.client(running.store.make_key(MANY, LEE, role=None))
    for number in range(3):
        client.create_bucket(Bucket=f"of-lee-{number}")
    rejected = clerk.run(tenancies.ask_for_tenancy, NED, "radar-south-o", deputies=(ANN, "nobody-there"))
    clerk.run(tenancies.reject_tenancy, rejected, OLGA, "Say who else reads the data, and for how long.")
    for number in range(MANY_COUNT):
        clerk.run(tenancies.ask_for_tenancy, f"member-{number:02}", f"project-{number:02}-o")
    gone = clerk.run(tenancies.close_tenancy, "gone-o", MIA, ended_days_ago=1)
    clerk.run(tenancies.delete_closed, gone, OLGA)
    return {
        "wish": str(clerk.run(tenancies.ask_for_tenancy, NED, "radar-o", deputies=(ANN, "nobody-there"))),
        "wish_rejected": str(rejected),
        "wish_long": str(clerk.run(tenancies.ask_for_tenancy, LENA, f"a-new-{LONG}", purpose=LONG_TEXT * 4)),
        "quota_wish": str(clerk.run(tenancies.ask_for_quota, MIA, MANY, 1 << 43, "The second year of the campaign.")),
        "quota_wish_long": str(clerk.run(tenancies.ask_for_quota, MIA, LONG, 1 << 60, LONG_TEXT * 4)),
        "lee": clerk.run(tenancies.leave, MANY, LEE),
        "closing": str(clerk.run(tenancies.close_tenancy, ENDING, MIA)),
        "closing_over": str(clerk.run(tenancies.close_tenancy, ENDED, MIA, ended_days_ago=1)),
        "certificate": str(gone),
    }


def _second_step(registry: Registry) -> dict[str, str]:
    from allauth.mfa.models import Authenticator
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
    from fido2.utils import websafe_encode
    from tests.portal.passkey import Device

    tyra = registry.person(TYRA)
    TOTP.activate(tyra, generate_totp_secret())
    RecoveryCodes.activate(tyra)
    asked = {"user": {"id": websafe_encode(b"1")}, "rp": {"id": "localhost"}, "challenge": websafe_encode(b"c")}
    made = Device("https://localhost").make({"publicKey": asked})
    data = {"name": LONG_TEXT[:100], "passwordless": True, "credential": made}
    passkey = Authenticator.objects.create(user=tyra, type=Authenticator.Type.WEBAUTHN, data=data)
    return {"passkey": str(passkey.pk)}


def _links_of_accounts(registry: Registry) -> dict[str, str]:
    from allauth.account.models import EmailAddress, EmailConfirmationHMAC

    from holdfast.portal.people.links import password_link

    hana = registry.person(HANA)
    address = EmailAddress.objects.create(user=hana, email="hana@elsewhere.example")
    uid, _, key = _secret_of(password_link(hana)).partition("-")
    return {"confirm": EmailConfirmationHMAC(address).key, "reset_uid": uid, "reset_key": key}


def _deletions(registry: Registry) -> dict[str, str]:
    from holdfast.admin.lookups import get_bucket, get_tenancy
    from holdfast.portal.data.models import CANCELLED, DONE, STOPPED, Deletion

    principal_id = registry.person(MIA).principal_id
    with registry.house.catalog.read() as rows:
        tenancy = get_tenancy(rows, MANY)
        bucket = get_bucket(rows, tenancy, "run-00")
    made = [
        Deletion.objects.create(
            tenancy_id=tenancy.tenancy_id, bucket=bucket.name, bucket_id=bucket.bucket_id, prefix=f"{number}/{LONG_TEXT}",
            principal_id=principal_id, once=str(number), ordered_at_us=1, state=state, found_count=1_200_000,
            deleted_count=700_000, deleted_bytes=1 << 40, reason="" if state != STOPPED else LONG_TEXT,
        )
        for number, state in enumerate((DONE, STOPPED, CANCELLED))
    ]  # fmt: skip
    return {"deletion": str(made[1].pk)}


def _mail(registry: Registry) -> str:
    from django.db import transaction

    from holdfast.portal.notices.notify import notify
    from holdfast.portal.notices.outbox import waiting

    with transaction.atomic():
        notify([registry.person(ANN)], "test", "Your access to one-o ends soon", "It ends on Friday.", url="/")
        notify([registry.person(LENA)], "test", LONG_TEXT, LONG_TEXT * 3, url="/", level="warning")
        notify([registry.person(f"member-{n:02}") for n in range(MANY_COUNT)], "test", "Good morning", "All is well.")
    return next(iter(waiting(registry.house.home.outbox))).mail_id


def _picture() -> bytes:
    """Return a small PNG: a grey square."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    side = 64
    rows = b"".join(b"\0" + bytes(range(0, 256, 4)) for _ in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
