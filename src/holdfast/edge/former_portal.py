"""The port of the seed system's portal (81): whoever comes to it is led to the portal, or told where that is."""

from __future__ import annotations

from typing import Final

from holdfast.s3.answer import Answer
from holdfast.s3.codes import S3Error
from holdfast.telemetry.metrics import SIGNPOST

from . import signpost
from .answers import frame
from .body import Body
from .call import S3Handler
from .connection import Connection
from .gateway import Gateway
from .heads import Message
from .hosts import NOWHERE, Origin, Place, find_place, read_origin

_METHODS: Final = ("GET", "HEAD")


class FormerPortalHandler:
    """The handler of that port's connections, in plain http. It serves no S3, and there is a portal."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._s3 = S3Handler(gateway)

    async def serve(self, connection: Connection, message: Message, body: Body | None) -> None:
        gateway, head = self._gateway, message.head
        began_us = gateway.clock_us()
        request_id = gateway.request_ids.next()
        origin = read_origin(head.headers, connection.address, is_secure=False, is_trusted=connection.is_from_proxy)
        answer = self._answer(message, origin)
        connection.write(
            frame(
                answer,
                request_id=request_id,
                host_id=gateway.host_id,
                epoch_s=began_us // 1_000_000,
                closes=connection.closes_after_answer(),
                is_head=head.method == "HEAD",
            )
        )
        received_bytes = body.received_bytes if body is not None else 0
        sent_bytes = len(answer.body)
        duration_us = max(0, gateway.clock_us() - began_us)
        number = gateway.metrics.index_of[SIGNPOST]
        gateway.page.count(number, answer.status, received_bytes, sent_bytes, duration_us)
        if gateway.access_log is not None:
            gateway.access_log.add(
                began_us,
                request_id,
                origin.address,
                "",
                "",
                "",
                head.method,
                head.raw_path,
                head.raw_query,
                answer.status,
                "",
                received_bytes,
                sent_bytes,
                duration_us,
                head.headers.get("user-agent", ""),
            )

    def refuse(self, connection: Connection, error: S3Error) -> None:
        self._s3.refuse(connection, error)

    def _answer(self, message: Message, origin: Origin) -> Answer:
        gateway, head = self._gateway, message.head
        if head.method not in _METHODS:
            return Answer(405, [("Allow", ", ".join(_METHODS))], b"", None)
        place = _find_place(origin.hosts[0], gateway.domains)
        if head.raw_path == "/" or signpost.is_former_portal(head.raw_path):
            return signpost.lead_to_portal(gateway.portal_origin, place)
        return signpost.tell_of_portal(gateway.portal_origin, place)


def _find_place(host: str, domains: tuple[str, ...]) -> Place:
    """Return the place that a host names; for one that can be none there is still the portal itself."""
    try:
        return find_place(host, domains)
    except S3Error:
        return NOWHERE
