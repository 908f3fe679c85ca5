"""The reference names everything there is: each test asks the code in another way than the page was made."""

from __future__ import annotations

import fnmatch
import inspect
import re
import urllib.request
from pathlib import Path

import click
import pytest
from docs.made import MARK, PARTS, fill
from docs.made.errors import MEANINGS
from docs.made.policies import OPERATORS
from tests.serving import serve

from holdfast import operations
from holdfast.auth.roles import TABLE, Right, Role
from holdfast.cli.main import cli
from holdfast.config import template
from holdfast.s3.codes import STATUS_OF
from holdfast.s3.policy import ACTIONS, CONDITION_KEYS, DIALECT, TAG_KEYS
from holdfast.s3.policy.comparisons import FAMILIES

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def page(name: str) -> str:
    return fill((REFERENCE / f"{name}.md").read_text(encoding="utf-8"))


def test_every_part_that_can_be_made_stands_on_one_page() -> None:
    marks = [mark for path in REFERENCE.glob("*.md") for mark in MARK.findall(path.read_text(encoding="utf-8"))]
    assert sorted(marks) == sorted(PARTS)


def test_every_module_of_an_operation_is_in_the_reference() -> None:
    text = page("operations")
    folder = Path(inspect.getfile(operations)).parent
    modules = [path for path in folder.glob("*.py") if re.search(r"^operation = |^operation: ", path.read_text(), re.M)]
    assert len(modules) > 20
    for module in modules:
        name = module.stem.replace("_", "")
        rows = [line for line in text.splitlines() if f"`{module.name}`" in line]
        assert len(rows) == 1, module.name
        assert name.lower() in rows[0].lower()


def test_every_operation_says_what_it_is_and_what_it_needs() -> None:
    for line in PARTS["operations"]().splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        assert len(cells) == 5
        assert all(cells), line
        assert cells[3][0].isupper(), line


def test_a_setting_that_s3_would_apply_and_this_store_would_not_is_listed_as_refused() -> None:
    text = page("operations")
    for name in ("versioning", "lifecycle", "object-lock", "replication", "website", "logging"):
        row = next(line for line in text.splitlines() if line.startswith("| bucket |") and f"`?{name}`" in line)
        assert "`PUT`" in row


def test_every_setting_of_the_settings_file_is_in_the_reference() -> None:
    text = page("settings")
    names = re.findall(r"^#([a-z0-9_]+) = ", template(), re.M)
    assert len(names) > 20
    for name in names:
        assert f"| `{name}` | `HOLDFAST_{name.upper()}` |" in text


def test_every_command_and_option_that_help_shows_is_in_the_reference() -> None:
    text = page("commands")
    seen = 0

    def look(command: click.Command, words: tuple[str, ...]) -> None:
        nonlocal seen
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                found = command.get_command(context, name)
                assert found is not None
                look(found, (*words, name))
            return
        seen += 1
        _, heading, section = text.partition(f"## {' '.join(words)}\n")
        assert heading, words
        section = section.partition("\n## ")[0]
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.opts[-1] in section, (words, parameter.opts)
        if words != ("holdfast",):
            assert f"```sh\nholdfast {words[1]}" in section, words

    look(cli, ("holdfast",))
    assert seen > 20


@pytest.mark.parametrize("code", sorted(STATUS_OF))
def test_every_error_code_has_a_sentence_that_says_what_it_means(code: str) -> None:
    assert MEANINGS[code].endswith(".") or MEANINGS[code].endswith(")")
    assert f"| `{code}` | {STATUS_OF[code]} | {MEANINGS[code]} |" in page("errors")


def test_no_error_code_is_explained_that_cannot_be_answered() -> None:
    assert set(MEANINGS) <= set(STATUS_OF)


def test_the_table_of_roles_is_whole() -> None:
    text = page("roles")
    for right in Right:
        row = next(line for line in text.splitlines() if line.startswith(f"| {right.value} | "))
        assert [cell.strip() for cell in row.strip("|").split(" | ")][2:] == [TABLE[right][role].value for role in Role]
    assert all(f"`{action}`" in text for action in ACTIONS)


def test_the_policy_language_is_whole() -> None:
    text = page("policies")
    for name in (*ACTIONS, *DIALECT, *CONDITION_KEYS):
        assert f"`{name}`" in text
    for key in TAG_KEYS:
        assert f"`{key}KEY`" in text
    assert {name.lower() for names in OPERATORS.values() for name in names} == {*FAMILIES, "null"}


def test_every_metric_and_file_of_a_served_home_is_in_the_reference(tmp_path: Path) -> None:
    with serve(tmp_path / "home") as store:
        client = store.client(store.make_key("my-os-tenancy-o", "alice"), secure=True)
        client.create_bucket(Bucket="data")
        client.put_object(Bucket="data", Key="small", Body=b"1")
        client.put_object(Bucket="data", Key="large", Body=bytes(2 << 20))
        with urllib.request.urlopen(f"{store.endpoint_url}/_admin/metrics") as answer:
            exposed = answer.read().decode()
        files = [str(path.relative_to(store.home)) for path in store.home.rglob("*") if path.is_file()]
    metrics = page("metrics")
    names = set(re.findall(r"^(holdfast_[a-z_]+)", exposed, re.M))
    assert len(names) >= 8
    missing = {name for name in names if f"`{name}`" not in metrics and not name.endswith("_created")}
    assert not missing
    firsts = [line.split(" | ")[0] for line in page("home").splitlines() if line.startswith("| `")]
    patterns = [pattern for first in firsts for pattern in re.findall("`([^`]+)`", first)]
    unknown = [name for name in files if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
    assert not unknown


def test_every_route_of_the_management_api_is_in_its_reference_with_who_may() -> None:
    """The paths are those that Django leads to, not those of the document that the page is made from."""
    text = page("api")
    from holdfast.portal.api.needs import ROUTES
    from holdfast.portal.api.urls import urlpatterns

    patterns = [str(each.pattern) for part in urlpatterns for each in getattr(part, "url_patterns", ())]
    paths = {"/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", pattern) for pattern in patterns}
    declared = [(route.method, re.sub(r"\{\w+:", "{", route.path)) for route in ROUTES]
    assert paths == {path for _, path in declared}
    for method, path in declared:
        rows = [line for line in text.splitlines() if line.startswith(f"| `{method} /api/v1{path}` |")]
        assert len(rows) == 1, f"{method} {path}"
        assert all(cell.strip() for cell in rows[0].strip("|").split(" | ")), rows[0]


def test_the_reference_of_the_management_api_shows_each_field_once() -> None:
    text = page("api")
    assert "| `limit_bytes` | integer or null | yes | Null: no limit." in text
    assert "### MakeToken" in text
