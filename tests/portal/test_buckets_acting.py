"""A person's acts on data: decided by the store, by the rows of the moment, and written down."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from holdfast.admin.members import remove_member
from holdfast.admin.site import set_site_setting
from holdfast.auth.roles import Role
from holdfast.catalog.interface import CatalogBroken, CatalogFull
from holdfast.operations import create_bucket, delete_objects, list_buckets, list_objects_v2
from holdfast.s3.codes import S3Error
from holdfast.store.errors import (
    AccessDenied,
    NoSuchBucket,
    SiteReadOnly,
    StorageFull,
    StorageReadOnly,
    TenancyClosed,
)
from holdfast.telemetry.board import Board

from .shelves import audit_of, bucket_row, guest, keys_of, make_bucket, put_objects, tenancy_row


def acting(town: Any, tenancy: str, person: Any, **facts: Any) -> Any:
    from holdfast.portal.data.acting import Acting

    facts = {"source_ip": "192.0.2.1", **facts}
    return Acting(tenancy_row(town, tenancy).tenancy_id, person.principal_id, **facts)


def create(name: str) -> create_bucket.Request:
    return create_bucket.Request(bucket=name, grants={})


def delete(bucket: str, *keys: str) -> delete_objects.Request:
    return delete_objects.Request(bucket, delete_objects.Delete(tuple(delete_objects.Target(key) for key in keys)))


def test_a_write_names_the_human_in_the_same_transaction(town: Any) -> None:
    ann = town.member("a-o", "ann")
    acting(town, "a-o", ann).commit(
        create_bucket.operation,
        create("data"),
        audit="bucket.create",
        subject="data",
        detail=lambda made: {"at": made.location},
    )
    assert bucket_row(town, "a-o", "data").owner_id == ann.principal_id
    [row] = audit_of(town, "bucket.create")
    assert (row.actor, row.subject, row.tenancy_id) == (
        ann.principal_id,
        "a-o/data",
        tenancy_row(town, "a-o").tenancy_id,
    )
    assert json.loads(row.detail) == {"at": "/data"}


def test_what_is_refused_leaves_no_audit_row(town: Any) -> None:
    town.tenancy("a-o")
    gil = guest(town, "a-o", "gil")
    with pytest.raises(AccessDenied):
        acting(town, "a-o", gil).commit(create_bucket.operation, create("data"), audit="bucket.create", subject="data")
    assert not audit_of(town, "bucket.create")


def test_a_piece_of_work_that_is_recorded_as_a_whole_writes_no_row_of_its_own(town: Any) -> None:
    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "data")
    put_objects(town, "a-o", "data", ["a", "b", "c"])
    done = acting(town, "a-o", ann).commit(delete_objects.operation, delete("data", "a", "b"), audit="")
    assert [deleted.key for deleted in done.deleted] == ["a", "b"]
    assert keys_of(town, "a-o", "data") == ["c"]
    assert not audit_of(town, "")


def test_a_check_that_raises_undoes_everything(town: Any) -> None:
    ann = town.member("a-o", "ann")

    def refuse(rows: Any) -> None:
        raise S3Error("PreconditionFailed", "no")

    with pytest.raises(S3Error):
        acting(town, "a-o", ann).commit(create_bucket.operation, create("data"), audit="bucket.create", check=refuse)
    with town.house.catalog.read() as rows:
        assert not acting(town, "a-o", ann).run(list_buckets.operation, list_buckets.Request(), rows).buckets


def test_who_was_removed_is_refused_at_their_next_act(town: Any) -> None:
    ann = town.member("a-o", "ann")
    hand = acting(town, "a-o", ann)
    hand.run(list_buckets.operation, list_buckets.Request())
    remove_member(town.house.office("test"), "a-o", "ann")
    with pytest.raises(AccessDenied):
        hand.run(list_buckets.operation, list_buckets.Request())
    with pytest.raises(AccessDenied):
        hand.commit(create_bucket.operation, create("data"), audit="bucket.create")


def test_a_membership_that_has_ended_or_a_suspended_person_acts_no_more(town: Any) -> None:
    from holdfast.admin.users import suspend_user
    from holdfast.catalog.rows import MEMBERS

    ann, bob = town.member("a-o", "ann"), town.member("a-o", "bob")
    suspend_user(town.house.office("test"), "bob")
    with pytest.raises(AccessDenied):
        acting(town, "a-o", bob).run(list_buckets.operation, list_buckets.Request())
    tenancy_id = tenancy_row(town, "a-o").tenancy_id

    def end(rows: Any) -> None:
        row = rows.find(MEMBERS, (tenancy_id, ann.principal_id))
        rows.replace(MEMBERS, row._replace(until_us=1), row)

    town.house.catalog.commit([end])
    with pytest.raises(AccessDenied):
        acting(town, "a-o", ann).run(list_buckets.operation, list_buckets.Request())


def test_a_demoted_manager_loses_what_the_role_gave_between_page_and_click(town: Any) -> None:
    mary, ann = town.member("a-o", "mary", Role.MANAGER), town.member("a-o", "ann")
    town.member("a-o", "max", Role.MANAGER)
    make_bucket(town, "a-o", ann, "private")
    hand = acting(town, "a-o", mary)
    hand.run(list_objects_v2.operation, list_objects_v2.Request("private"))
    town.member("a-o", "mary", Role.USER)
    with pytest.raises(AccessDenied):
        hand.run(list_objects_v2.operation, list_objects_v2.Request("private"))


def test_an_operator_who_is_no_member_has_no_hand_in_data(town: Any) -> None:
    from django.test import RequestFactory

    from holdfast.portal.access import find_standing
    from holdfast.portal.data.acting import Acting
    from holdfast.portal.errors import Forbidden

    town.tenancy("a-o")
    standing = find_standing(town.operator(), "a-o")
    assert standing is not None
    with pytest.raises(Forbidden):
        Acting.of(RequestFactory().get("/"), standing)


def test_buckets_of_another_tenancy_are_not_there(town: Any) -> None:
    mary, max_ = town.member("a-o", "mary", Role.MANAGER), town.member("b-o", "max", Role.MANAGER)
    make_bucket(town, "b-o", max_, "secret")
    with pytest.raises(NoSuchBucket):
        acting(town, "a-o", mary).run(list_objects_v2.operation, list_objects_v2.Request("secret"))


def statement(**more: Any) -> str:
    base = {"Effect": "Allow", "Principal": {"user": ["bob"]}, "Action": "s3:ListBucket", "Resource": "data"}
    return json.dumps({"Version": "2012-10-17", "Statement": [base | more]})


@pytest.mark.parametrize(
    ("condition", "allowed", "refused"),
    [
        ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, {}, {"source_ip": "198.51.100.1"}),
        ({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, {"source_ip": "198.51.100.1"}, {}),
        ({"Bool": {"aws:SecureTransport": "true"}}, {}, {"is_secure": False}),
        ({"StringLike": {"aws:UserAgent": "Mozilla/*"}}, {"user_agent": "Mozilla/5.0"}, {"user_agent": "curl/8"}),
    ],
)
def test_a_policy_s_conditions_ask_for_the_browser(
    town: Any, condition: Any, allowed: dict[str, Any], refused: dict[str, Any]
) -> None:
    ann, bob = town.member("a-o", "ann"), town.member("a-o", "bob")
    make_bucket(town, "a-o", ann, "data", policy=statement(Condition=condition))
    request = list_objects_v2.Request("data")
    acting(town, "a-o", bob, **allowed).run(list_objects_v2.operation, request)
    with pytest.raises(AccessDenied):
        acting(town, "a-o", bob, **refused).run(list_objects_v2.operation, request)


def test_a_policy_s_conditions_ask_for_the_prefix_of_a_list(town: Any) -> None:
    ann, bob = town.member("a-o", "ann"), town.member("a-o", "bob")
    make_bucket(town, "a-o", ann, "data", policy=statement(Condition={"StringLike": {"s3:prefix": "bob/*"}}))
    hand = acting(town, "a-o", bob)
    hand.run(list_objects_v2.operation, list_objects_v2.Request("data", prefix="bob/a b"))
    for prefix in (None, "ann/"):
        with pytest.raises(AccessDenied):
            hand.run(list_objects_v2.operation, list_objects_v2.Request("data", prefix=prefix))


def test_a_closed_tenancy_is_closed_to_pages_too(town: Any) -> None:
    from holdfast.catalog.rows import TENANCIES

    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "data")

    def put_state(state: str) -> None:
        row = tenancy_row(town, "a-o")
        town.house.catalog.commit([lambda rows: rows.replace(TENANCIES, row._replace(state=state), row)])

    hand = acting(town, "a-o", ann)
    put_state("readonly")
    hand.run(list_objects_v2.operation, list_objects_v2.Request("data"))
    with pytest.raises(TenancyClosed):
        hand.commit(create_bucket.operation, create("more"), audit="bucket.create")
    put_state("suspended")
    with pytest.raises(TenancyClosed):
        hand.run(list_objects_v2.operation, list_objects_v2.Request("data"))


def test_nothing_is_written_while_the_site_is_read_only(town: Any) -> None:
    from holdfast.portal.house import use_house

    ann = town.member("a-o", "ann")
    hand = acting(town, "a-o", ann)
    set_site_setting(town.house.office("test"), "read_only", "new disks")
    with pytest.raises(SiteReadOnly):
        hand.commit(create_bucket.operation, create("data"), audit="bucket.create")
    set_site_setting(town.house.office("test"), "read_only", None)
    board = Board.private()
    board.set_read_only()
    use_house(replace(town.house, board=board))
    with pytest.raises(StorageReadOnly):
        hand.commit(create_bucket.operation, create("data"), audit="bucket.create")


class FailingCatalog:
    """The town's catalog, whose next commits fail."""

    def __init__(self, inner: Any, *failures: Exception) -> None:
        self._inner = inner
        self._failures = list(failures)

    def read(self) -> Any:
        return self._inner.read()

    def commit(self, functions: Any, before: Any = None) -> Any:
        if self._failures:
            raise self._failures.pop(0)
        return self._inner.commit(functions, before)


def test_on_a_full_disk_a_delete_is_tried_again_with_the_ballast_s_room(town: Any) -> None:
    from holdfast.portal.house import use_house

    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "data")
    put_objects(town, "a-o", "data", ["a"])
    ballast = town.house.home.blobs / "ballast"
    ballast.write_bytes(b"x")
    use_house(replace(town.house, catalog=FailingCatalog(town.house.catalog, CatalogFull("full"))))
    acting(town, "a-o", ann).commit(delete_objects.operation, delete("data", "a"), audit="")
    assert not ballast.exists()
    assert keys_of(town, "a-o", "data") == []
    use_house(replace(town.house, catalog=FailingCatalog(town.house.catalog, CatalogFull("full"), CatalogFull("full"))))
    with pytest.raises(StorageFull):
        acting(town, "a-o", ann).commit(delete_objects.operation, delete("data", "a"), audit="")


def test_a_failed_sync_stops_every_process_from_writing(town: Any) -> None:
    from holdfast.portal.house import use_house

    ann = town.member("a-o", "ann")
    board = Board.private()
    use_house(replace(town.house, board=board, catalog=FailingCatalog(town.house.catalog, CatalogBroken("EIO"))))
    with pytest.raises(StorageReadOnly):
        acting(town, "a-o", ann).commit(create_bucket.operation, create("data"), audit="bucket.create")
    assert board.is_read_only
