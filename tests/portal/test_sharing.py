"""Who can see a bucket: presets, confirmations, the policy for those who write them, and why the answer is what it is."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from tests.portal.shelves import audit_of, bucket_row, caller_of, guest, make_bucket, put_objects, tenancy_row, text_of

from holdfast.admin.members import remove_member
from holdfast.admin.users import create_user
from holdfast.auth.callers import Caller
from holdfast.auth.decide import ANONYMOUS, BucketFacts, decide
from holdfast.auth.policies import find_policy, members_group_id
from holdfast.auth.roles import TABLE, Extent, Right, Role
from holdfast.catalog.rows import TENANCIES

BUCKET = "/tenancies/a-o/buckets/data/"
SHARING = f"{BUCKET}sharing/"
CHANGE = f"{SHARING}change/"
POLICY = f"{SHARING}policy/"
MAKERS = (Role.USER, Role.DEPUTY, Role.MANAGER)


def hidden_in(answer: Any) -> dict[str, str]:
    """Return the hidden fields of the first form of a page's content that has some."""
    main = answer.content.decode().partition("<main")[2].partition("</main")[0]
    for form in re.findall(r'<form[^>]*method="post".*?</form>', main, re.DOTALL):
        fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)
        found = {name: html.unescape(value) for name, value in fields if name != "csrfmiddlewaretoken"}
        if found:
            return found
    raise AssertionError("no form")


def choose(client: Any, preset: str) -> Any:
    """Choose a preset and confirm it, as a person does."""
    page = client.get(CHANGE, {"preset": preset})
    if page.status_code != 200:
        return page
    return client.post(CHANGE, hidden_in(page))


def policy(*statements: Mapping[str, Any], version: str = "2012-10-17") -> str:
    base = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}
    put = [
        {name: value for name, value in base.items() if f"Not{name}" not in statement} | dict(statement)
        for statement in statements
    ]
    return json.dumps({"Version": version, "Statement": put})


# --- Presets


@pytest.mark.parametrize("role", MAKERS)
@pytest.mark.parametrize("preset", ["private", "members-read", "members-write", "drop-box", "public-read"])
def test_each_role_may_choose_what_the_table_lets_it(town: Any, role: Role, preset: str) -> None:
    """Of its own bucket: everything but what is public, which is for whom the table says."""
    from holdfast.portal.data.sharing_presets import BY_NAME, visibility_of

    person = town.member("a-o", "ann", role)
    start = "members-read" if preset == "private" else "private"
    document = BY_NAME[start].build(tenancy_row(town, "a-o"), "data")
    make_bucket(town, "a-o", person, "data", policy=document)
    client = town.client(person)
    may = not BY_NAME[preset].is_public or TABLE[Right.MAKE_PUBLIC][role] is Extent.ALL
    assert (f'value="{preset}"' in client.get(SHARING).content.decode()) is may
    answer = choose(client, preset)
    found = visibility_of(bucket_row(town, "a-o", "data")).preset
    assert found is not None
    if may:
        assert answer["Location"] == SHARING
        assert found.name == preset
        [row] = audit_of(town, "bucket.set-policy")
        assert (row.actor, row.subject) == (person.principal_id, "a-o/data")
        assert json.loads(row.detail)["after"] == BY_NAME[preset].label
    else:
        assert answer.status_code == 403
        assert "AccessDenied" in text_of(answer)
        assert found.name == start


WHO = {
    # preset: (anonymous, guest, another USER, owner, DEPUTY, MANAGER) as list, download, add, delete
    "private": ("----", "----", "----", "ldad", "ldad", "ldad"),
    "members-read": ("----", "----", "ld--", "ldad", "ldad", "ldad"),
    "members-write": ("----", "----", "ldad", "ldad", "ldad", "ldad"),
    "drop-box": ("----", "----", "--a-", "ldad", "ldad", "ldad"),
    "public-read": ("ld--", "ld--", "ld--", "ldad", "ldad", "ldad"),
}
DATA_ACTIONS = ("s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject")


@pytest.mark.parametrize("preset", WHO)
def test_a_preset_gives_what_its_words_say_and_no_more(town: Any, preset: str) -> None:
    """Judged by the store's own decision, not by the page."""
    mary = town.member("a-o", "mary", Role.MANAGER)
    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "data")
    make_bucket(town, "a-o", ann, "another")
    choose(town.client(mary), preset)
    row = bucket_row(town, "a-o", "data")
    facts = BucketFacts(row.name, row.bucket_id, row.owner_id, find_policy(row))
    callers = (
        Caller(ANONYMOUS, tenancy_row(town, "a-o")),
        caller_of(town, "a-o", guest(town, "a-o", "gus", another="read")),
        caller_of(town, "a-o", town.member("a-o", "bob")),
        caller_of(town, "a-o", ann),
        caller_of(town, "a-o", town.member("a-o", "dave", Role.DEPUTY)),
        caller_of(town, "a-o", mary),
    )
    found = tuple(
        "".join(
            letter if decide(caller.subject, action, facts, None if action == "s3:ListBucket" else "k").allowed else "-"
            for letter, action in zip("ldad", DATA_ACTIONS, strict=True)
        )
        for caller in callers
    )
    assert found == WHO[preset]
    for caller in callers[:3]:
        for action in ("s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucket", "s3:PutBucketCORS"):
            assert not decide(caller.subject, action, facts, None).allowed


def test_a_public_preset_lets_clients_tell_what_is_missing_from_what_is_refused(town: Any) -> None:
    """Zarr takes a 403 for an error and a 404 for an empty chunk: who may read must be able to list."""
    from holdfast.portal.data.sharing_presets import PRESETS

    town.tenancy("a-o")
    documents = [preset.build(tenancy_row(town, "a-o"), "data") for preset in PRESETS]
    readable = [document for document in documents if re.search(r'"s3:GetObject\*?"', document)]
    assert len(readable) == 3
    assert all('"s3:ListBucket"' in document for document in readable)


def test_the_confirmation_says_how_much_would_be_open_to_the_world(town: Any) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "a-o", mary, "data")
    put_objects(town, "a-o", "data", (f"{number}" for number in range(12)), size_bytes=100 * 10**9)
    client = town.client(mary)
    answer = client.get(CHANGE, {"preset": "public-read"})
    text = text_of(answer)
    assert "anyone on the internet can list and download 1200 GB in 12 objects" in text
    assert "Anyone on the internet: List" in text
    assert bucket_row(town, "a-o", "data").policy == "", "a look changes nothing"
    done = client.post(CHANGE, hidden_in(answer), follow=True)
    assert "From now on anyone on the internet can list and download it." in text_of(done)
    text = text_of(client.get(CHANGE, {"preset": "private"}))
    assert "People outside lose access at once" in text


def test_a_preset_over_a_custom_policy_says_that_it_is_replaced(town: Any) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "a-o", mary, "data", policy=policy({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}))
    text = text_of(town.client(mary).get(CHANGE, {"preset": "private"}))
    assert "The custom policy is replaced" in text


@pytest.mark.parametrize("preset", ["", "no-such", "<script>"])
def test_no_preset_leads_back_to_the_choice(town: Any, preset: str) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "a-o", mary, "data")
    client = town.client(mary)
    for answer in (client.get(CHANGE, {"preset": preset}), client.post(CHANGE, {"preset": preset, "seen": ""})):
        assert (answer.status_code, answer["Location"]) == (302, SHARING)


def test_two_managers_at_once_and_the_second_is_told(town: Any) -> None:
    mary, max_ = town.member("a-o", "mary", Role.MANAGER), town.member("a-o", "max", Role.MANAGER)
    make_bucket(town, "a-o", mary, "data")
    first, second = town.client(mary), town.client(max_)
    page = first.get(CHANGE, {"preset": "members-write"})
    choose(second, "members-read")
    answer = first.post(CHANGE, hidden_in(page))
    assert answer.status_code == 412
    assert "Somebody changed who can see this bucket" in text_of(answer)
    assert "members-read" in bucket_row(town, "a-o", "data").policy
    assert len(audit_of(town, "bucket.set-policy")) == 1


def test_the_same_confirmation_twice_changes_once(town: Any) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "a-o", mary, "data")
    client = town.client(mary)
    sent = hidden_in(client.get(CHANGE, {"preset": "members-read"}))
    for _ in range(2):
        assert client.post(CHANGE, sent).status_code == 302
    assert len(audit_of(town, "bucket.set-policy")) == 1


@pytest.mark.parametrize("role", [Role.USER, Role.GUEST])
def test_who_does_not_answer_for_a_bucket_neither_sees_nor_changes_its_sharing(town: Any, role: Role) -> None:
    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "data", policy=policy({"Action": "s3:*", "Principal": {"user": ["ann"]}}))
    person = guest(town, "a-o", "gus", data="write") if role is Role.GUEST else town.member("a-o", "bob")
    client = town.client(person)
    before = bucket_row(town, "a-o", "data")
    for url in (SHARING, f"{CHANGE}?preset=private", POLICY):
        assert client.get(url).status_code == 403
    for url, sent in ((CHANGE, {"preset": "private"}), (POLICY, {"document": ""})):
        assert client.post(url, {**sent, "seen": ""}).status_code == 403
    assert bucket_row(town, "a-o", "data") == before


def test_a_suspended_tenancy_changes_nothing(town: Any) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "a-o", mary, "data")
    client = town.client(mary)
    sent = hidden_in(client.get(CHANGE, {"preset": "members-read"}))
    row = tenancy_row(town, "a-o")
    for state in ("readonly", "suspended"):
        town.house.catalog.commit([lambda rows, state=state: rows.replace(TENANCIES, row._replace(state=state))])
        assert client.post(CHANGE, sent).status_code == 403
    assert bucket_row(town, "a-o", "data").policy == ""


# --- What a policy amounts to


DIALECT_READ = json.dumps(
    {
        "Version": "2008-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"anonymous": ["*"]},
            "Action": ["GetObjectAttributes", "GetBucketLocation", "ListBucket", "GetObject"],
            "Resource": ["/data/*", "data"],
        },
    }
)


@pytest.mark.parametrize(
    ("document", "label", "is_public"),
    [
        (DIALECT_READ, "Anyone on the internet can list and download", True),
        (policy({}), "Custom policy, open to the public", True),
        (policy({"Principal": {"user": ["bob"]}}), "Custom policy", False),
        (policy({"Effect": "Deny"}), "Custom policy", False),
        (policy({"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}), "Custom policy", False),
        (policy({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}), "Custom policy, open to the public", True),
    ],
)
def test_a_policy_is_known_by_what_it_means_in_whichever_dialect(
    town: Any, document: str, label: str, is_public: bool
) -> None:
    from holdfast.portal.data.sharing_presets import visibility_of

    mary = town.member("a-o", "mary", Role.MANAGER)
    town.member("a-o", "bob")
    make_bucket(town, "a-o", mary, "data", policy=document)
    found = visibility_of(bucket_row(town, "a-o", "data"))
    assert (found.label, found.is_public) == (label, is_public)


@pytest.mark.parametrize(
    "change",
    [
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {"Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/public/*"]},
        {"Effect": "Deny"},
        {"Action": ["s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectAttributes", "s3:ListBucket", "s3:PutObject"]},
        {"Principal": {"user": ["*"]}},
    ],
)
def test_whatever_differs_from_a_preset_is_not_called_by_its_name(town: Any, change: dict[str, Any]) -> None:
    from holdfast.portal.data.sharing_presets import BY_NAME, visibility_of

    mary = town.member("a-o", "mary", Role.MANAGER)
    document = json.loads(BY_NAME["public-read"].build(tenancy_row(town, "a-o"), "data"))
    document["Statement"][0] |= change
    make_bucket(town, "a-o", mary, "data", policy=json.dumps(document))
    assert visibility_of(bucket_row(town, "a-o", "data")).preset is None


# --- Who can see this?


def access_in(answer: Any) -> dict[str, list[tuple[str, str]]]:
    """Return who → (Yes or No, reason) for each act, as the table on the page says."""
    found = {}
    for row in re.findall(r"<tr>\s*<th scope=\"row\".*?</tr>", answer.content.decode(), re.DOTALL):
        who = re.search(r"<th[^>]*>(.*?)</th>", row, re.DOTALL)
        cells = re.findall(r"<td.*?</td>", row, re.DOTALL)
        assert who is not None
        plain = [re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", cell))).strip() for cell in cells]
        name = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", who[1]))).strip()
        found[name] = [(text.partition(" ")[0], text.partition(" ")[2]) for text in plain]
    return found


def yes_no(cells: list[tuple[str, str]]) -> str:
    return "".join(word[0] for word, _ in cells)


def test_the_page_tells_of_everybody_with_the_rule_that_decided(town: Any) -> None:
    ann = town.member("a-o", "ann")
    town.member("a-o", "bob")
    make_bucket(town, "a-o", ann, "data", policy=policy({"Principal": {"user": ["bob"]}}))
    guest(town, "a-o", "gus", data="read")
    table = access_in(town.client(ann).get(SHARING))
    assert {who: yes_no(cells) for who, cells in table.items()} == {
        "Anyone on the internet": "NNNNN",
        "Any other member USER": "NNNNN",
        "Any deputy DEPUTY": "YYYYY",
        "Any manager MANAGER": "YYYYY",
        "ann owner, USER": "YYYYY",
        "bob USER": "NYNNN",
        "gus GUEST": "YYNNN",
    }
    assert table["bob USER"][1][1] == "an allow in the bucket's policy"
    assert table["gus GUEST"][0][1] == "named for this guest"
    assert table["Any deputy DEPUTY"][0][1] == "the role reaches all buckets"
    assert table["ann owner, USER"][0][1] == "the owner of the bucket"


def test_a_member_is_asked_about_by_name(town: Any) -> None:
    ann = town.member("a-o", "ann")
    town.member("a-o", "bob")
    make_bucket(town, "a-o", ann, "data")
    client = town.client(ann)
    assert {who: yes_no(cells) for who, cells in access_in(client.get(SHARING, {"who": "bob"})).items()} == {
        "bob USER": "NNNNN"
    }
    town.member("b-o", "bill")
    create_user(town.house.office("test"), "cleo")
    remove_member(town.house.office("test"), "a-o", "bob")
    for stranger in ("bill", "cleo", "bob", "nobody", "<script>alert(1)</script>"):
        answer = client.get(SHARING, {"who": stranger})
        assert "There is no such member in this tenancy" in text_of(answer), stranger
        assert "<script>alert" not in answer.content.decode()


def test_an_object_is_asked_about_by_its_name(town: Any) -> None:
    ann = town.member("a-o", "ann")
    town.member("a-o", "bob")
    document = policy(
        {"Principal": {"user": ["bob"]}, "Resource": "data/open/*"},
        {
            "Principal": {"user": ["bob"]}, "Action": "s3:ListBucket", "Resource": "data",
            "Condition": {"StringLike": {"s3:prefix": "open/*"}},
        },
    )  # fmt: skip
    make_bucket(town, "a-o", ann, "data", policy=document)
    client = town.client(ann)

    def asked(key: str) -> str:
        return yes_no(access_in(client.get(SHARING, {"who": "bob", "key": key}))["bob USER"])

    assert asked("open/a b\n") == "YYNNN"
    assert asked("closed/x") == "NNNNN"
    assert asked("") == "NNNNN"
    assert "on conditions" in text_of(client.get(SHARING, {"who": "bob"}))
    assert "on conditions" not in text_of(client.get(SHARING, {"who": "ann"}))


def test_a_policy_is_told_in_plain_words(town: Any) -> None:
    ann = town.member("a-o", "ann")
    town.member("a-o", "bob")
    document = policy(
        {
            "Principal": {"user": ["bob"]}, "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "data/raw/*",
            "Condition": {"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "198.51.100.7"]},
                          "Bool": {"aws:SecureTransport": "true"}},
        },
        {"Effect": "Deny", "NotPrincipal": {"user": ["bob"]}, "Action": "s3:DeleteObject"},
        {"Principal": {"group": ["a-o-members"]}, "Action": "s3:*", "Resource": ["data", "data/*"]},
        {"Action": "s3:GetBucketTagging", "Resource": "data"},
        {"NotAction": "s3:PutObject", "NotResource": "data/x", "Effect": "Deny"},
    )  # fmt: skip
    make_bucket(town, "a-o", ann, "data", policy=document)
    text = text_of(town.client(ann).get(SHARING))
    for said in (
        "Allowed : bob may download objects and add and replace objects."
        " Where: objects whose names begin with raw/."
        " Only if the client's address is in 192.0.2.0/24 or 198.51.100.7, and if over https.",
        "Denied : everybody except bob may not delete objects. Where: the whole bucket.",
        "Allowed : all members of a-o but guests may do everything that a policy can give. Where: the whole bucket.",
        "Allowed : anyone on the internet may GetBucketTagging. Where: the bucket itself.",
        "Where: everything except the object x.",
    ):
        assert said in text, said
    assert text.index("Denied :") < text.index("Allowed :"), "as they are asked"


def test_a_name_that_is_somebody_else_s_by_now_is_not_called_by_it(town: Any) -> None:
    """The policy means the one who had the name when it was put."""
    from holdfast.admin.users import remove_user

    ann = town.member("a-o", "ann")
    office = town.house.office("test")
    create_user(office, "bob")
    from holdfast.admin.members import add_member

    add_member(office, "a-o", "bob", Role.USER)
    make_bucket(town, "a-o", ann, "data", policy=policy({"Principal": {"user": ["bob"]}}))
    remove_member(office, "a-o", "bob")
    remove_user(office, "bob")
    create_user(office, "bob")
    add_member(office, "a-o", "bob", Role.USER)
    answer = town.client(ann).get(SHARING, {"who": "bob"})
    assert yes_no(access_in(answer)["bob USER"]) == "NNNNN"


# --- The policy itself


def preview(client: Any, document: str, seen: str | None = None) -> Any:
    page = client.get(POLICY)
    return client.post(POLICY, {"document": document, "seen": hidden_in(page)["seen"] if seen is None else seen})


@pytest.mark.parametrize("document", [policy({"Principal": {"user": ["bob"]}}), DIALECT_READ])
def test_a_policy_is_first_shown_and_then_put_to_the_byte(town: Any, document: str) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    town.member("a-o", "bob")
    make_bucket(town, "a-o", mary, "data")
    client = town.client(mary)
    answer = preview(client, document)
    assert answer.status_code == 200
    assert bucket_row(town, "a-o", "data").policy == "", "a dry run"
    sent = hidden_in(answer)
    assert client.post(POLICY, sent)["Location"] == SHARING
    assert bucket_row(town, "a-o", "data").policy == document
    [row] = audit_of(town, "bucket.set-policy")
    assert json.loads(row.detail)["policy"] == document
    assert html.escape(document, quote=False)[:40] in client.get(POLICY).content.decode().replace("&quot;", '"')


def test_the_dry_run_says_who_gains_and_loses_what(town: Any) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    town.member("a-o", "bob")
    town.member("a-o", "cleo")
    make_bucket(town, "a-o", mary, "data", policy=policy({"Principal": {"user": ["bob"]}}))
    text = text_of(preview(town.client(mary), policy({"Principal": {"user": ["cleo"]}})))
    assert "Gains cleo: Download" in text
    assert "Loses bob: Download" in text
    assert "cleo may download objects" in text
    put_objects(town, "a-o", "data", ["x"], size_bytes=3_000)
    text = text_of(preview(town.client(mary), policy({})))
    assert "It holds 3 KB in 1 object." in text
    assert "This opens the bucket to anyone on the internet." in text
    assert "Gains Anyone on the internet: Download" in text


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "not valid JSON at line 1"),
        ("[]", "valid JSON"),
        ('{"Statement": []}', "Statement is empty"),
        (policy({"Principal": {"user": ["nobody-here"]}}), "there is no member named nobody-here in this tenancy"),
        (policy({"Principal": {"user": ["bill"]}}), "there is no member named bill in this tenancy"),
        (policy({"Action": "s3:Frobnicate"}), "s3:Frobnicate is not an action of S3"),
        (policy({"Resource": "arn:aws:s3:::another/*"}), "is not in the bucket data"),
        (policy({"Sid": "x" * 21_000}), "at most 20480"),
        (policy({"Effect": "<script>alert(1)</script>"}), "Invalid effect"),
    ],
)
def test_a_policy_that_can_t_be_honoured_is_refused_with_what_was_typed_kept(
    town: Any, document: str, said: str
) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    town.member("b-o", "bill")
    make_bucket(town, "a-o", mary, "data")
    answer = preview(town.client(mary), document)
    assert answer.status_code == 400
    assert said in text_of(answer)
    assert "<script>alert" not in answer.content.decode()
    assert html.escape(document[:30]) in answer.content.decode()
    assert bucket_row(town, "a-o", "data").policy == ""


def test_nothing_is_put_that_was_not_shown(town: Any) -> None:
    """The second step is for the very document of the first."""
    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "a-o", mary, "data")
    client = town.client(mary)
    shown = hidden_in(preview(client, policy({"Effect": "Deny"})))
    answer = client.post(POLICY, {**shown, "document": policy({})})
    assert answer.status_code == 200
    assert "What would change" in text_of(answer)
    assert bucket_row(town, "a-o", "data").policy == ""


def test_a_policy_that_lets_read_and_not_list_is_warned_of(town: Any) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "a-o", mary, "data")
    client = town.client(mary)
    said = "To Anyone on the internet and Any other member, an object that is not there looks like one that is refused."
    answer = preview(client, policy({}))
    assert said in text_of(answer)
    client.post(POLICY, hidden_in(answer))
    assert said in text_of(client.get(SHARING))
    whole = policy({}, {"Action": "s3:ListBucket", "Resource": "data"})
    assert "Reading without listing" not in text_of(preview(client, whole))
    choose(client, "drop-box")
    assert "Reading without listing" not in text_of(client.get(SHARING))


def test_the_example_is_a_policy(town: Any) -> None:
    from holdfast.portal.data.sharing_presets import example_document

    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "a-o", mary, "data")
    client = town.client(mary)
    assert html.escape(example_document("data")) in client.get(POLICY).content.decode()
    assert "there is no member named alice" in text_of(preview(client, example_document("data")))
    town.member("a-o", "alice")
    assert preview(client, example_document("data")).status_code == 200


def test_an_edit_over_somebody_else_s_is_refused_and_nothing_lost(town: Any) -> None:
    mary, max_ = town.member("a-o", "mary", Role.MANAGER), town.member("a-o", "max", Role.MANAGER)
    make_bucket(town, "a-o", mary, "data")
    first, second = town.client(mary), town.client(max_)
    begun = hidden_in(first.get(POLICY))["seen"]
    early = hidden_in(preview(first, policy({"Effect": "Deny"})))
    choose(second, "members-read")
    put = bucket_row(town, "a-o", "data").policy
    assert first.post(POLICY, early).status_code == 412
    answer = preview(first, policy({"Effect": "Deny"}), seen=begun)
    assert "Somebody changed the policy since you opened the page." in text_of(answer)
    assert "Put this policy" not in text_of(answer)
    assert bucket_row(town, "a-o", "data").policy == put


def test_an_empty_document_makes_the_bucket_private(town: Any) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "a-o", mary, "data", policy=policy({}))
    client = town.client(mary)
    answer = preview(client, " \r\n ")
    assert "There is none: the bucket is private." in text_of(answer)
    client.post(POLICY, hidden_in(answer))
    row = bucket_row(town, "a-o", "data")
    assert (row.policy, row.compiled_policy) == ("", "")


def test_who_may_not_publish_is_told_before_and_refused_after(town: Any) -> None:
    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "data")
    client = town.client(ann)
    answer = preview(client, policy({}))
    assert "which you may not do in this tenancy" in text_of(answer)
    assert "Put this policy" not in text_of(answer)
    from holdfast.portal.data.sharing_acts import mark_of

    forced = {"document": policy({}), "seen": mark_of(""), "confirmed": mark_of(policy({}))}
    assert client.post(POLICY, forced).status_code == 403
    assert bucket_row(town, "a-o", "data").policy == ""


def test_one_can_go_on_editing_from_the_preview(town: Any) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "a-o", mary, "data")
    client = town.client(mary)
    sent = {**hidden_in(preview(client, policy({}))), "step": "edit"}
    answer = client.post(POLICY, sent)
    assert answer.status_code == 200
    assert "Show what would change" in text_of(answer)
    assert html.escape(policy({})) in answer.content.decode()


def test_lines_that_a_browser_ends_its_own_way_are_no_change(town: Any) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    document = json.dumps(json.loads(policy({})), indent=2)
    make_bucket(town, "a-o", mary, "data", policy=document)
    client = town.client(mary)
    client.post(POLICY, hidden_in(preview(client, document.replace("\n", "\r\n"))))
    assert bucket_row(town, "a-o", "data").policy == document
    assert not audit_of(town, "bucket.set-policy")


def test_a_policy_full_of_markup_is_shown_and_not_run(town: Any) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    hostile = '"><img src=x onerror=alert(1)>'
    document = policy(
        {"Sid": hostile, "Resource": f"data/{hostile}*", "Condition": {"StringLike": {"aws:Referer": hostile}}}
    )
    make_bucket(town, "a-o", mary, "data", policy=document)
    client = town.client(mary)
    for answer in (client.get(SHARING), client.get(POLICY), preview(client, document)):
        assert "<img src=x" not in answer.content.decode()
    assert f"objects whose names begin with {hostile}" in text_of(client.get(SHARING)).replace("&gt;", ">")


def test_members_of_another_tenancy_s_group_are_strangers(town: Any) -> None:
    from holdfast.portal.data.sharing_presets import visibility_of

    mary = town.member("a-o", "mary", Role.MANAGER)
    town.tenancy("b-o")
    make_bucket(town, "a-o", mary, "data")
    answer = preview(town.client(mary), policy({"Principal": {"group": ["b-o-members"]}}))
    assert answer.status_code == 400
    choose(town.client(mary), "members-read")
    row = bucket_row(town, "a-o", "data")
    assert visibility_of(row._replace(tenancy_id="another")).preset is None
    assert members_group_id(row.tenancy_id) in row.compiled_policy
