"""YAML that people write, read with the line of every field, checked against a model, all mistakes at once.

YAML 1.2 (`contract.yaml_reader`): `22:00` stays text and a key written twice is a mistake.
"""

import contextlib
import contextvars
import datetime as dt
import difflib
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from contract import yaml_reader
from contract.problems import ConfigError, Problem
from contract.yaml_reader import UnreadableError

FieldPath = yaml_reader.FieldPath
Mistake = tuple[FieldPath, str, bool]
"""Where, what, and whether a text is expected there, which may be meant by what stands there without quotes."""
T = TypeVar("T")

_KEPT: contextvars.ContextVar[dict[tuple[str, bytes], "Located"] | None] = contextvars.ContextVar(
    "kept", default=None
)


class Located(msgspec.Struct, frozen=True):
    """What a file holds, in plain Python values, with the line of each field. `file` is as it was given.

    `spelled`: of unquoted values that are no text, how they are written. `odd`: values that can't be meant as they stand,
    and how to write them.
    """

    file: str
    value: Any
    lines: Mapping[FieldPath, int]
    spelled: Mapping[FieldPath, str] = {}
    odd: Mapping[FieldPath, str] = {}

    def line(self, path: FieldPath) -> int:
        """The line of a field, or of the nearest thing around it that stands in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: FieldPath, message: str) -> Problem:
        """A mistake at a field of this file."""
        return Problem(self.file, self.line(path), field_name(path), message)


def load_yaml(path: Path) -> Located:
    """The one YAML document of a file; an empty file is an empty mapping.

    Raises:
        ConfigError: The file can't be read or is no YAML.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError([Problem(str(path), 1, "", f"can't be read: {error.strerror}")]) from error
    kept = _KEPT.get()
    key = (str(path), raw)
    if kept is not None and key in kept:
        return kept[key]
    try:
        text = yaml_reader.decode(raw)
    except UnreadableError as error:
        raise ConfigError([Problem(str(path), error.line, "", str(error))]) from error
    found = parse_yaml(text, str(path))
    if kept is not None:
        kept[key] = found
    return found


@contextlib.contextmanager
def reading_once() -> Iterator[None]:
    """Within it a file is parsed once for as long as its bytes are the same: a check looks at each several times."""
    token = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(token)


def parse_yaml(text: str, file: str) -> Located:
    """The same for text that is named `file` in messages."""
    try:
        read = yaml_reader.read(text)
    except UnreadableError as error:
        raise ConfigError([Problem(file, error.line, "", str(error))]) from error
    return Located(file, read.value, read.lines, read.spelled, read.odd)


def convert(located: Located, model: type[T]) -> T:
    """The file's value as `model`.

    Raises:
        ConfigError: It does not fit; every mistake is named.
    """
    problems = check(located, model)
    if problems:
        raise ConfigError(problems)
    return msgspec.convert(located.value, model)


def check(located: Located, model: Any, at: FieldPath = ()) -> list[Problem]:
    """Every mistake of the file's value (or of the part at `at`) against `model`, in the order of the file."""
    value = located.value
    for step in at:
        value = value[step]
    odd = {
        path: wrong
        for path, wrong in located.odd.items()
        if path[: len(at)] == at and _holds(located.value, path)
    }
    found = [located.problem(path, wrong) for path, wrong in odd.items()]
    with contextlib.suppress(msgspec.ValidationError):
        # A walk in Python costs a hundred times as much, and most files are right.
        msgspec.convert(value, model)
        return found
    return found + [
        located.problem(path, message + (_as_text(located, path) if is_text else ""))
        for path, message, is_text in _mistakes(value, model, at)
        if path not in odd
    ]


def _holds(value: Any, path: FieldPath) -> bool:
    """Whether a value has that part: one may be looked at without the sections that others read."""
    return not isinstance(value, dict) or path[0] in value


def _as_text(located: Located, path: FieldPath) -> str:
    """How to write a text that YAML takes for a number, a day or a word of its own, such as 24e1240000000001."""
    spelled = located.spelled.get(path)
    return f'; if it is a text, put it in quotes: "{spelled}"' if spelled else ""


def field_name(path: FieldPath) -> str:
    """A path as people write it: `zones[2].covers[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def unknown_name(what: str, name: str, known: typing.Iterable[str]) -> str:
    """`no zone 'b9'; did you mean 'b1'?`."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"no {what} {name!r}" + (f"; did you mean {close[0]!r}?" if close else "")


def _mistakes(value: Any, model: Any, path: FieldPath) -> Iterator[Mistake]:
    """Walks model and value together, since msgspec itself stops at the first mistake."""
    bare, described = _strip(model)
    arms = _arms(bare)
    if value is None and type(None) in arms:
        return
    arm = _pick(value, [arm for arm in arms if arm is not type(None)])
    origin = typing.get_origin(arm)
    if isinstance(arm, type) and issubclass(arm, msgspec.Struct):
        yield from _struct_mistakes(value, arm, path)
    elif _holds_any_number(arm) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _mistakes(item, typing.get_args(arm)[0], (*path, index))
    elif origin is dict and isinstance(value, dict):
        key_model, item_model = typing.get_args(arm)
        for key, item in value.items():
            yield from _leaf_mistake(key, key_model, _strip(key_model)[1], (*path, key), strict=False)
            yield from _mistakes(item, item_model, (*path, key))
    else:
        yield from _leaf_mistake(value, model, described, path)


def _struct_mistakes(value: Any, model: type[msgspec.Struct], path: FieldPath) -> Iterator[Mistake]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(model)}
    if not isinstance(value, dict):
        yield path, f"expected fields ({', '.join(fields)}), found {_shown(value)}", False
        return
    config = model.__struct_config__
    for key in value:
        if key not in fields and key != config.tag_field and config.forbid_unknown_fields:
            yield (*path, key), _unknown_field(key, fields), False
    for name, field in fields.items():
        if name in value:
            yield from _mistakes(value[name], field.type, (*path, name))
        elif field.required:
            yield path, f"{name} is missing", False


def _leaf_mistake(
    value: Any, model: Any, described: str, path: FieldPath, *, strict: bool = True
) -> Iterator[Mistake]:
    try:
        msgspec.convert(value, model, strict=strict)
    except msgspec.ValidationError as error:
        is_text = not isinstance(value, str) and str in map(_bare, _arms(_strip(model)[0]))
        if described:
            yield path, f"expected {described}, found {_shown(value)}", is_text
        else:
            message = str(error).split(" - at ")[0].replace("`", "")
            yield path, f"{message[0].lower()}{message[1:]}, found {_shown(value)}", is_text


def _bare(model: Any) -> Any:
    return _strip(model)[0]


def _strip(model: Any) -> tuple[Any, str]:
    """The type without its `Annotated`, and the description given there."""
    if typing.get_origin(model) is Annotated:
        bare, *metas = typing.get_args(model)
        words = [meta.description for meta in metas if isinstance(meta, msgspec.Meta) and meta.description]
        return bare, words[0] if words else ""
    if typing.get_origin(model) in {typing.Union, types.UnionType}:
        arms = [arm for arm in typing.get_args(model) if arm is not type(None)]
        return model, _strip(arms[0])[1] if len(arms) == 1 else ""
    return model, ""


def _arms(model: Any) -> list[Any]:
    if typing.get_origin(model) in {typing.Union, types.UnionType}:
        return [_strip(arm)[0] for arm in typing.get_args(model)]
    return [model]


def _holds_any_number(model: Any) -> bool:
    """Whether it is a list of one kind of thing, not a tuple of so many values."""
    origin = typing.get_origin(model)
    return origin is list or (origin is tuple and typing.get_args(model)[-1] is Ellipsis)


def _pick(value: Any, arms: list[Any]) -> Any:
    """The arm of a union that the value means: by its tag where there is one, else by its shape."""
    if len(arms) == 1:
        return arms[0]
    structs = [arm for arm in arms if isinstance(arm, type) and issubclass(arm, msgspec.Struct)]
    if isinstance(value, dict) and structs:
        for arm in structs:
            config = arm.__struct_config__
            if config.tag_field is not None and value.get(config.tag_field) == config.tag:
                return arm
        if structs[0].__struct_config__.tag_field is None:
            return structs[0]
    wanted = (list, tuple) if isinstance(value, list) else (type(value),)
    matching = [arm for arm in arms if typing.get_origin(arm) in wanted]
    return matching[0] if matching else typing.Union[tuple(arms)]  # noqa: UP007 - built from a list


def _unknown_field(key: str, fields: typing.Iterable[str]) -> str:
    close = difflib.get_close_matches(key, list(fields), n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(fields)}"
    return f"unknown field; {hint}"


def _shown(value: Any) -> str:
    if isinstance(value, dt.date):
        return f"{value} without quotes"
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
