"""The first page of operators: what needs them now."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from holdfast.catalog.rows import TENANCIES, USERS
from holdfast.portal.access import Need, page
from holdfast.portal.house import house
from holdfast.portal.notices.outbox import waiting_ids
from holdfast.portal.sizes import percent_of
from holdfast.portal.tenancies.review_queue import waiting_count
from holdfast.store.quotas import get_usage, used_bytes

from .capacity import find_capacity
from .frame import render_page
from .jobs import job_states, upkeep

NEAR_PERCENT = 80


@page(Need.OPERATOR)
def overview(request: HttpRequest) -> HttpResponse:
    """Show what needs an operator."""
    opened = house()
    with opened.catalog.read() as rows:
        capacity = find_capacity(opened, rows)
        tenancies = rows.scan(TENANCIES, index="by_name")
        near = [
            (tenancy, used, percent_of(used, tenancy.limit_bytes))
            for tenancy in tenancies
            if tenancy.limit_bytes
            for used in [used_bytes(get_usage(rows, tenancy.tenancy_id))]
            if used * 100 >= tenancy.limit_bytes * NEAR_PERCENT
        ]
        closed = [tenancy for tenancy in tenancies if tenancy.state != "active"]
        suspended_count = sum(user.state == "suspended" for user in rows.scan(USERS))
    return render_page(
        request,
        "operating/overview.html",
        {
            "capacity": capacity,
            "tenancy_count": len(tenancies),
            "near": sorted(near, key=lambda each: -each[2])[:10],
            "closed": closed,
            "suspended_count": suspended_count,
            "request_count": waiting_count(),
            "mail_count": len(waiting_ids(opened.home.outbox)),
            "faulty": [job for job in job_states(opened) if job.fault],
            "upkeep": upkeep(opened),
        },
    )
