"""Names in a site's files that no rule would ever hear, since they are nearly others: event types, and roles of people."""

import difflib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from contract.events import KNOWN_TYPES
from contract.problems import ConfigError, Problem
from contract.site_files import OWN_SECTIONS
from contract.yamlfile import FieldPath, Located, load_yaml

_NEAR: Final = 0.88
_NEAR_ROLE: Final = 0.75
_TYPES_IN: Final = frozenset({"type", "on", "until", "types", "ends"})
_ROLES_IN: Final = frozenset({"role", "roles", "to", "by"})


class Spoken(msgspec.Struct, frozen=True):
    """The event types and the roles that rules, plans and chains name."""

    types: frozenset[str]
    roles: frozenset[str]


def spoken_by(folders: Collection[Path], site: Path) -> Spoken:
    """The names in the rules and the files of operations there, and in the site's own rosters, chains and the like.

    A file with mistakes speaks of nothing: they are told where it is read.
    """
    types: set[str] = set()
    roles: set[str] = set()
    read = [_value(file) for folder in folders for file in _files(folder)]
    read += [
        {name: part for name, part in _value(file).items() if name in OWN_SECTIONS}
        for file in sorted(site.glob("*.yaml"))
    ]
    for value in read:
        for key, word in _words(value, ""):
            if "." in word and key in _TYPES_IN:
                types.add(word)
            if key in _ROLES_IN:
                roles.add(word)
    return Spoken(frozenset(types), frozenset(roles))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.yaml")) if folder.is_dir() else [folder]


def _value(file: Path) -> dict[str, Any]:
    try:
        value = load_yaml(file).value
    except ConfigError:
        return {}
    return value if isinstance(value, dict) else {}


def _words(node: object, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _words(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield from _words(value, key)
    elif isinstance(node, str):
        yield key, node


def type_problems(directory: Path, types: Collection[str]) -> list[Problem]:
    """Event types of a site's devices, and of the profiles that lie with it, that are nearly others."""
    found: list[Problem] = []
    for file in sorted(directory.glob("*.yaml")):
        located = load_yaml(file)
        for path, name in _told(located):
            if wrong := type_mistake(name, types):
                found.append(located.problem(path, wrong))
    for file in sorted((directory / "profiles").glob("*.yaml")):
        found += profile_problems(file, types)
    return found


def unheard_types(directory: Path, types: Collection[str]) -> Iterator[str]:
    """Event types of a site's devices from which nothing follows, since nobody names them."""
    for file in sorted(directory.glob("*.yaml")):
        located = load_yaml(file)
        for path, name in _told(located):
            if name not in KNOWN_TYPES | set(types) and not type_mistake(name, types):
                said = f"no rule or alarm names the event type {name!r}: it is kept and shown, and nothing follows"
                yield str(located.problem(path, said))


def _told(located: Located) -> Iterator[tuple[FieldPath, str]]:
    for index, device in enumerate(located.value.get("devices", ())):
        for path, name in _told_by(device):
            yield ("devices", index, *path), name


def _told_by(device: dict[str, Any]) -> Iterator[tuple[FieldPath, str]]:
    for place, name in enumerate(device.get("emits") or ()):
        yield ("emits", place), name
    for point, binding in (device.get("points") or {}).items():
        for field in ("on", "off"):
            if field in binding:
                yield ("points", point, field), binding[field]


def profile_problems(path: Path, types: Collection[str] = ()) -> list[Problem]:
    """Event types that a profile emits and that are nearly others."""
    located = load_yaml(path)
    return [
        located.problem(("emits", place), wrong)
        for place, name in enumerate(located.value.get("emits") or ())
        if (wrong := type_mistake(name, types))
    ]


def type_mistake(name: str, types: Collection[str]) -> str:
    """What is wrong with an event type that nobody knows; empty for one that is known, or like no other."""
    known = KNOWN_TYPES | set(types)
    near = "" if name in known else _near(name, known)
    return f"no event type {name!r}; did you mean {near!r}?" if near else ""


def role_warnings(located: Located, roles: Collection[str]) -> Iterator[str]:
    """Roles that nobody names, and that are nearly one that somebody does."""
    for index, person in enumerate(located.value.get("people", ())):
        for place, name in enumerate(person.get("roles") or ()):
            near = "" if name in roles else _near(name, roles, _NEAR_ROLE)
            if near:
                said = f"no rule, plan or chain names the role {name!r}; did you mean {near!r}?"
                yield str(located.problem(("people", index, "roles", place), said))


def _near(name: str, known: Collection[str], likeness: float = _NEAR) -> str:
    close = difflib.get_close_matches(name.lower(), sorted(known), n=1, cutoff=likeness)
    return close[0] if close else ""
