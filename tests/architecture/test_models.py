"""No model has a shape that crashes msgspec's type walk."""

import contextlib
import importlib
import pkgutil
import typing
from collections.abc import Iterator
from typing import Any

import msgspec
import msgspec.inspect
import pytest

SIDES = ("contract", "edge", "cloud", "firmware_sim", "sitewarden")


def structs() -> list[type[msgspec.Struct]]:
    """Every struct of ours."""
    for side in SIDES:
        package = importlib.import_module(side)
        for module in pkgutil.walk_packages(package.__path__, f"{side}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    found: list[type[msgspec.Struct]] = []
    waiting = list(msgspec.Struct.__subclasses__())
    while waiting:
        struct = waiting.pop()
        waiting += struct.__subclasses__()
        if struct.__module__.split(".")[0] in SIDES:
            found.append(struct)
    return found


def unions(kind: Any) -> Iterator[msgspec.inspect.UnionType]:
    """The unions within a type, not looking into other structs."""
    if isinstance(kind, msgspec.inspect.UnionType):
        yield kind
    for name in ("types", "item_types"):
        for inner in getattr(kind, name, ()):
            yield from unions(inner)
    for name in ("item_type", "key_type", "value_type"):
        if (inner := getattr(kind, name, None)) is not None:
            yield from unions(inner)


def unions_of(hint: Any) -> Iterator[msgspec.inspect.UnionType]:
    """The unions of an annotation; none where msgspec could not decode it anyway."""
    with contextlib.suppress(TypeError, ValueError):
        yield from unions(msgspec.inspect.type_info(hint))


def crashes(union: msgspec.inspect.UnionType) -> bool:
    """A text with a pattern beside an array or a mapping: msgspec 0.22 crashes when it walks or frees it."""
    patterned = any(isinstance(arm, msgspec.inspect.StrType) and arm.pattern for arm in union.types)
    walked = (
        msgspec.inspect.ListType,
        msgspec.inspect.VarTupleType,
        msgspec.inspect.SetType,
        msgspec.inspect.DictType,
    )
    return patterned and any(isinstance(arm, walked) for arm in union.types)


def test_no_model_has_a_union_of_a_patterned_text_and_a_container() -> None:
    found = structs()
    assert len(found) > 20
    bad = [
        f"{struct.__module__}.{struct.__name__}.{name}"
        for struct in found
        for name, hint in typing.get_type_hints(struct, include_extras=True).items()
        if any(map(crashes, unions_of(hint)))
    ]
    assert bad == []


def test_the_check_knows_the_bad_shape() -> None:
    patterned = msgspec.inspect.StrType(pattern="^a")
    array = msgspec.inspect.VarTupleType(msgspec.inspect.StrType())
    assert crashes(msgspec.inspect.UnionType((patterned, array)))
    assert not crashes(msgspec.inspect.UnionType((msgspec.inspect.StrType(), array)))


@pytest.mark.parametrize("side", SIDES)
def test_a_side_has_one_error_tree(side: str) -> None:
    try:
        errors = importlib.import_module(f"{side}.errors")
    except ModuleNotFoundError:
        assert side == "contract"
        return
    own = [
        item
        for item in vars(errors).values()
        if isinstance(item, type) and item.__module__ == errors.__name__
    ]
    roots = [error for error in own if error.__bases__ == (Exception,)]
    assert len(roots) == 1
