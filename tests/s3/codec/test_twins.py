"""codec/twins.py: the quick constructor makes what the shape's own would have made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest

from holdfast.s3.codec.fields import fields_of
from holdfast.s3.codec.twins import constructor_of
from holdfast.s3.shapes import Header, Query


@dataclass(frozen=True, slots=True)
class Plain:
    one: Annotated[str, Header("one")]
    two: Annotated[list[str], Header("two")] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inheriting(Plain):
    three: Annotated[str, Query("three")]


@dataclass(frozen=True, slots=True)
class InheritingNothingNew(Inheriting):
    pass


@dataclass(frozen=True)
class WithoutSlots:
    one: Annotated[str, Header("one")]


@dataclass(frozen=True, slots=True)
class Checking:
    one: Annotated[str, Header("one")]

    def __post_init__(self) -> None:
        if self.one == "0":
            raise ValueError


@pytest.mark.parametrize("shape", [Plain, Inheriting, InheritingNothingNew, WithoutSlots, Checking])
def test_a_record_made_quickly_equals_one_made_by_its_class_and_is_as_frozen(shape: Any) -> None:
    names = [each.name for each in fields_of(shape)]
    made = constructor_of(shape)(*names)
    assert made == shape(**dict(zip(names, names, strict=True)))
    assert type(made) is shape
    assert hash(made) == hash(shape(**dict(zip(names, names, strict=True))))
    with pytest.raises(AttributeError):
        made.one = "other"
    with pytest.raises(AttributeError):
        del made.one


def test_a_shapes_own_checks_are_run() -> None:
    with pytest.raises(ValueError):
        constructor_of(Checking)("0")


@pytest.mark.parametrize("shape", [Plain, Inheriting, InheritingNothingNew])
def test_the_hot_shapes_go_through_the_twin(shape: Any) -> None:
    assert "_through_twin" in constructor_of(shape).__qualname__
