"""The text of a YAML file made into plain values, with the line and the spelling of each.

The parser is libyaml's (by PyYAML); what a scalar means is decided here, by the core schema of YAML 1.2 with dates,
since YAML 1.1 reads `22:00` as 1320 and `off` as false. A file is read in one pass, with limits on its size, its
depth and on what aliases make of it, so that no file keeps a program busy or takes its memory.
"""

import datetime as dt
import math
import re
from typing import Any, Final

import msgspec
import yaml

from contract.odd_text import odd_mistake, plain_form

FieldPath = tuple[str | int, ...]

MOST_BYTES: Final = 32 * 1024 * 1024
MOST_DEPTH: Final = 64
MOST_COPIED: Final = 100_000
"""Values that aliases may stand for, all together; a site that repeats itself needs some hundreds."""

_INT = re.compile(r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9_]+(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+)"
)
_DATE = re.compile(r"[0-9]{4}-[0-9][0-9]-[0-9][0-9]")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9][0-9]-[0-9][0-9][Tt ][0-9][0-9]:[0-9][0-9](:[0-9][0-9](\.[0-9]+)?)?( ?(Z|[-+][0-9][0-9](:?[0-9][0-9])?))?"
)
_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_WIDE = re.compile("[“”„‟＂‘’‚‛＇，：；（）［］｛｝、－\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u3000]")
_SAID: Final = {
    "did not find expected node content": "expected a value or a closing bracket",
    "could not find expected ':'": "expected a colon and a space after the name of a field",
    "mapping values are not allowed in this context": "a colon is not expected here: check the indentation, or put "
    "a text with a colon in quotes",
    "did not find expected key": "expected another field of the same depth: check the indentation and the quotes",
    "did not find expected '-' indicator": "expected another item with its - at the same depth: check the indentation",
    "exceeded maximum nesting depth": f"is nested more than {MOST_DEPTH} deep",
    "found character that cannot start any token": "found a tab, @, % or ` where a value begins: use spaces, or put "
    "the text in quotes",
}
"""What the parser says, in words that say what to do."""
_TEXT_TAG = "tag:yaml.org,2002:str"
_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class UnreadableError(Exception):
    """The text is not what can be read; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


class Read(msgspec.Struct, frozen=True):
    """What a text holds. `spelled`: of unquoted values that are no text, how they are written.

    `odd`: values that can't be meant as they stand, and how to write them.
    """

    value: Any
    lines: dict[FieldPath, int]
    spelled: dict[FieldPath, str]
    odd: dict[FieldPath, str]


class _Node(msgspec.Struct):
    """A value with the line where it begins: a list of nodes, a list of pairs, or a scalar."""

    line: int
    value: Any = None
    kind: str = "scalar"
    spelled: str | None = None
    size: int = 1


def decode(raw: bytes) -> str:
    """The text of a file's bytes.

    Raises:
        UnreadableError: They are too many, or not UTF-8.
    """
    if len(raw) > MOST_BYTES:
        raise UnreadableError(
            1, f"is {len(raw) // 1024 // 1024} MB; expected at most {MOST_BYTES // 1024 // 1024} MB"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UnreadableError(
            line, f"is not UTF-8 text{_other_encoding(raw)}: save the file as UTF-8"
        ) from error


def _other_encoding(raw: bytes) -> str:
    """`, but GBK` where it is that."""
    if raw[:2] in _BOMS or raw[:200].count(0) * 3 > len(raw[:200]):
        return ", but UTF-16"
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        return ""
    return ", but GBK" if any("\u4e00" <= letter <= "\u9fff" for letter in text) else ""


def read(text: str) -> Read:
    """The one document of a text; an empty one is an empty mapping.

    Raises:
        UnreadableError: It is no YAML, says something twice, or goes beyond a limit.
    """
    try:
        composer = _Composer()
        for event in yaml.parse(text, Loader=_loader()):
            composer.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        message = " ".join(str(error.problem or error.context).split("\n")[0].split())
        raise UnreadableError(line, _SAID.get(message, message) + _plain_hint(text, line)) from error
    except yaml.reader.ReaderError as error:
        raise UnreadableError(1, f"has a character that no text has: {error.character!r}") from error
    except yaml.YAMLError as error:
        raise UnreadableError(1, str(error).splitlines()[0]) from error
    made = Read({}, {(): 1}, {}, {})
    return (
        msgspec.structs.replace(made, value=_plain(composer.root, (), made))
        if composer.root is not None
        else made
    )


def _loader() -> Any:
    return yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def _plain_hint(text: str, line: int) -> str:
    """What to write in place of full-width or typographic characters around a line that can't be read."""
    for number in (line, line - 1):
        found = text.splitlines()[number - 1 : number] if number else []
        if found and (odd := _WIDE.search(found[0].partition(" #")[0])):
            sign = "a space" if odd[0] == "\u3000" else repr(plain_form(odd[0]))
            return f"; line {number} has {odd[0]!r}: write {sign}"
    return ""


class _Composer:
    """Makes events into the tree of a document's nodes; aliases share their anchor's node."""

    def __init__(self) -> None:
        self.root: _Node | None = None
        self._open: list[_Node] = []
        self._keys: list[_Node | None] = []
        self._anchors: dict[str, _Node] = {}
        self._copied = 0

    def take(self, event: Any) -> None:
        """The next event."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise UnreadableError(line, "expected one document: a line of --- begins another")
        if isinstance(event, yaml.CollectionEndEvent):
            done = self._open.pop()
            self._keys.pop()
            if self._open:
                self._open[-1].size += done.size
        elif isinstance(event, yaml.AliasEvent):
            self._put(self._alias(event.anchor, line))
        elif isinstance(event, yaml.NodeEvent):
            node = _scalar(event, line) if isinstance(event, yaml.ScalarEvent) else _collection(event, line)
            if event.anchor is not None:
                self._anchors[event.anchor] = node
            self._put(node)
            if node.kind != "scalar":
                self._begin(node)

    def _begin(self, node: _Node) -> None:
        if len(self._open) >= MOST_DEPTH:
            raise UnreadableError(node.line, f"is nested more than {MOST_DEPTH} deep")
        self._open.append(node)
        self._keys.append(None)

    def _alias(self, name: str, line: int) -> _Node:
        node = self._anchors.get(name)
        if node is None:
            raise UnreadableError(line, f"*{name} stands for nothing: no &{name} is before it")
        self._copied += node.size
        if self._copied > MOST_COPIED or any(node is one for one in self._open):
            raise UnreadableError(
                line, f"*{name} stands for itself or for too much: aliases may stand for {MOST_COPIED} values"
            )
        if self._open and node.kind != "scalar":
            self._open[-1].size += node.size
        return node

    def _put(self, node: _Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if node.kind == "scalar":
            parent.size += 1
        if parent.kind == "list":
            parent.value.append(node)
        elif self._keys[-1] is not None:
            parent.value.append((self._keys[-1], node))
            self._keys[-1] = None
        elif node.kind == "scalar":
            self._keys[-1] = node
        else:
            raise UnreadableError(node.line, "expected a text as the name of a field")


def _collection(event: Any, line: int) -> _Node:
    if event.tag is not None:
        raise UnreadableError(line, f"expected plain values, found the tag {event.tag}")
    return _Node(line, [], "list" if isinstance(event, yaml.SequenceStartEvent) else "map")


def _scalar(event: Any, line: int) -> _Node:
    text: str = event.value
    if event.tag not in {None, "!", _TEXT_TAG}:
        raise UnreadableError(line, f"expected plain values, found the tag {event.tag}")
    if event.style or event.tag is not None:
        return _Node(line, text)
    value = _meaning(text, line)
    return _Node(line, value, spelled=None if isinstance(value, str) else text)


def _meaning(text: str, line: int) -> Any:
    """An unquoted scalar by the core schema of YAML 1.2, and dates."""
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if not (first.isdigit() and first.isascii()) and first not in "+-.":
        return text
    if _INT.fullmatch(text):
        digits = text.replace("_", "")
        return int(digits) if digits.lstrip("+-").isdigit() else int(digits, 0)
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    try:
        if _DATE.fullmatch(text):
            return dt.date.fromisoformat(text)
        if _MOMENT.fullmatch(text):
            return dt.datetime.fromisoformat(text.replace("t", "T"))
    except ValueError as error:
        raise UnreadableError(line, f"{text} is no day of the calendar or no time of the day") from error
    return text


def _plain(node: _Node, path: FieldPath, made: Read) -> Any:
    """The value of a node; lines and spelling are noted on the way."""
    if node.kind == "scalar":
        if node.spelled is not None:
            made.spelled[path] = node.spelled
        if wrong := _oddity(node, path):
            made.odd[path] = wrong
        return node.value
    if node.kind == "list":
        found = []
        for index, item in enumerate(node.value):
            here = (*path, index)
            made.lines[here] = item.line
            found.append(_plain(item, here, made))
        return found
    fields = {}
    for name, (key, value) in _fields(node).items():
        here = (*path, name)
        made.lines[here] = key.line
        if wrong := odd_mistake(name, path):
            made.odd[here] = wrong
        fields[name] = _plain(value, here, made)
    return fields


def _oddity(node: _Node, path: FieldPath) -> str:
    """What of a value can't be meant as it stands; empty where nothing is. A drawing is told by its own check."""
    value = node.value
    if isinstance(value, str):
        # Most texts are plain, and looking at each letter of those is what takes time.
        return "" if value.isascii() and value.isalnum() else odd_mistake(value, path)
    if isinstance(value, float) and not math.isfinite(value) and path[:1] != ("floors",):
        return f'expected a number with an end, found {node.spelled}; if it is a text, put it in quotes: "{node.spelled}"'
    return ""


def _fields(node: _Node) -> dict[str, tuple[_Node, _Node]]:
    """The fields of a mapping by name; its own go before those that `<<` takes over.

    Raises:
        UnreadableError: One is there twice.
    """
    own: dict[str, tuple[_Node, _Node]] = {}
    taken_over: dict[str, tuple[_Node, _Node]] = {}
    for key, value in node.value:
        if key.value == "<<":
            for source in value.value if value.kind == "list" else [value]:
                if source.kind != "map":
                    raise UnreadableError(key.line, "expected fields behind <<")
                taken_over = _fields(source) | taken_over
            continue
        # As it is written, since a field that is called true is not called True.
        name = key.spelled if key.spelled and isinstance(key.value, bool | None) else str(key.value)
        if name in own:
            raise UnreadableError(
                key.line, f'found duplicate key "{name}"; it is on line {own[name][0].line} already'
            )
        own[name] = (key, value)
    return taken_over | own
