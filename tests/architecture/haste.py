"""Finds what gives up too early or measures real time in the source of a test.

Everything is read from the syntax tree: a limit is known by the name of the parameter that it is given to, also by
position; constants are followed through arithmetic, names of the module and what it imports from other tests.
"""

import ast
import functools
import itertools
import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

LEAST_S: Final = 60
LIMIT: Final = re.compile(r"(?:timeout|within|patience|wait|give_up)(?:_after)?(?:_s|_ms|_seconds)?")
"""How a parameter is called that says when to give up."""
SLEEPS: Final = {"sleep", "wait_for_timeout"}
SLEEPS_MS: Final = {"wait_for_timeout"}
LEAST_PAUSE_S: Final = 0.1
"""Shorter ones only let others have their turn."""
CLOCKS: Final = {
    *("monotonic", "monotonic_ms", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time"),
    *("now_ms", "boot_ms", "wall_ms", "time", "time_ns"),
}
"""What reads a clock; how many of its units are a second is in its name."""
BY_POSITION: Final = {
    "timeout": 0,
    "wait": 0,
    "wait_for": 1,
    "wait_for_publish": 0,
    "wait_for_timeout": 9,
    "communicate": 1,
    "join": 0,
    "result": 0,
    "settimeout": 0,
    "create_connection": 1,
    "select": 3,
    "take": 1,
    "wait_until": 1,
    "start_broker": 3,
    "acquire": 1,
    "set_default_timeout": 0,
    "set_default_navigation_timeout": 0,
}
"""The limit's place among the arguments, in calls of libraries and of our own parts."""
IN_MS: Final = {"set_default_timeout", "set_default_navigation_timeout"}
VIRTUAL: Final = {"house", "office", "room", "ledger", "turns"}
"""What waits in virtual time, or takes what is there."""

Limits = dict[str, tuple[int, str]]
"""For each helper that takes a limit its place and its name."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a module's functions give of real time, by their names, and the lists in which it notes readings."""

    spans: set[str] = field(default_factory=set)
    rates: set[str] = field(default_factory=set)
    noted: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Haste:
    """A place that gives up early or measures; `called` is what is called there, or the name that is compared."""

    line: int
    called: str
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """A module of the tests: its syntax, its numbers by name, what its functions give, and whether it is about pages."""

    tree: ast.Module
    numbers: dict[str, float]
    given: Given
    on_pages: bool


def read_source(text: str, others: dict[str, str] | None = None) -> Source:
    """A module with what it knows by name.

    Args:
        text: What the module says.
        others: The text of the modules it may import from, by dotted name.
    """
    tree = _parse(text)
    imported = (
        {name: _parse(others[name]) for name in _imports(tree) if name in (others or {})} if others else {}
    )
    return Source(
        tree=tree,
        numbers=_numbers(tree, others or {}),
        given=_given(tree, imported),
        on_pages="playwright" in text,
    )


_parse = functools.cache(ast.parse)


def limits_of(trees: Iterable[ast.Module]) -> Limits:
    """The helpers of the tests that take a limit; a method's `self` isn't counted."""
    found: Limits = {}
    for function in (node for tree in trees for node in ast.walk(tree) if isinstance(node, _FUNCTION)):
        names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
        names = names[1:] if names[:1] in (["self"], ["cls"]) else names
        for place, name in enumerate(names):
            if LIMIT.fullmatch(name):
                found[function.name] = (place, name)
    return found


def _imports(tree: ast.Module) -> Iterator[str]:
    return (node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module)


@functools.cache
def _given_alone(tree: ast.Module) -> Given:
    return _given(tree, {})


def _given(tree: ast.Module, imported: dict[str, ast.Module]) -> Given:
    """What the functions of a module and those that it imports give."""
    found = Given()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module in imported:
            theirs, names = _given_alone(imported[node.module]), {name.name for name in node.names}
            found.spans.update(theirs.spans & names)
            found.rates.update(theirs.rates & names)
            found.noted.update(theirs.noted & names)
    if not _calls(tree, CLOCKS) and found == Given():
        return found
    functions = [(node.name, list(_own(node))) for node in ast.walk(tree) if isinstance(node, _FUNCTION)]
    for _, own in functions:
        found.noted.update(_noted(own, found))
    for name, own in functions:
        flow = _flow(own, found)
        for value in (node.value for node in own if isinstance(node, ast.Return) and node.value is not None):
            if flow.is_rate(value):
                found.rates.add(name)
            elif flow.is_span(value):
                found.spans.add(name)
            elif _holds(value, found.noted):
                found.noted.add(name)
    return found


def find_haste(source: Source, helpers: Limits) -> Iterator[Haste]:
    """Every place of a module that gives up before a minute, or holds a measured span to a limit."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            yield from _hasty_call(source, node, helpers)
        elif isinstance(node, _FUNCTION):
            yield from _hasty_default(source, node)
            yield from _hasty_spans(source, node)
            yield from _pauses(source, node)
        elif isinstance(node, ast.For):
            yield from _hasty_loop(source, node)


_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


def called(call: ast.Call) -> str:
    """The last name of what is called."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _numbers(tree: ast.Module, others: dict[str, str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module in others:
            theirs = _numbers(_parse(others[node.module]), others)
            found |= {
                name.asname or name.name: theirs[name.name] for name in node.names if name.name in theirs
            }
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            number = _number(node.value, found)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if number is not None:
                found |= {target.id: number for target in targets if isinstance(target, ast.Name)}
    return found


def _number(value: ast.expr, numbers: dict[str, float]) -> float | None:
    match value:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return numbers.get(name)
        case ast.BinOp(left=left, op=op, right=right):
            one, two = _number(left, numbers), _number(right, numbers)
            if one is None or two is None:
                return None
            return {
                ast.Add: one + two,
                ast.Sub: one - two,
                ast.Mult: one * two,
                ast.Div: one / two if two else None,
            }.get(type(op))
    return None


def _hasty_call(source: Source, call: ast.Call, helpers: Limits) -> Iterator[Haste]:
    name = called(call)
    if _is_virtual(call) or name in SLEEPS:
        return
    limits = [(word.arg, word.value) for word in call.keywords if word.arg and LIMIT.fullmatch(word.arg)]
    place, parameter = helpers.get(name) or (BY_POSITION.get(name, len(call.args)), "timeout")
    limits += [(parameter, value) for value in call.args[place : place + 1]]
    for parameter, value in limits:
        number = _number(value, source.numbers)
        in_ms = (
            parameter.endswith("_ms") or name in IN_MS or (source.on_pages and _is_of_a_page(call, parameter))
        )
        if number is not None and 0 < number < LEAST_S * (1_000 if in_ms else 1):
            yield Haste(call.lineno, name, ast.unparse(call))


def _is_virtual(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value).rpartition(".")[2] in VIRTUAL


def _is_of_a_page(call: ast.Call, parameter: str) -> bool:
    """Whether this is the browser's library, which counts in ms."""
    return parameter == "timeout" and ast.unparse(call.func).partition(".")[0] not in {
        *("subprocess", "asyncio", "httpx", "urllib"),
    }


def _hasty_default(source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Haste]:
    names = [*function.args.posonlyargs, *function.args.args]
    defaults = function.args.defaults
    pairs = [
        *zip(names[len(names) - len(defaults) :], defaults, strict=True),
        *zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True),
    ]
    for name, default in pairs:
        number = None if default is None else _number(default, source.numbers)
        least = LEAST_S * (1_000 if name.arg.endswith("_ms") else 1)
        if LIMIT.fullmatch(name.arg) and number is not None and 0 < number < least:
            yield Haste(name.lineno, function.name, f"def {function.name}: {name.arg} = {number:g}")


def _hasty_loop(source: Source, loop: ast.For) -> Iterator[Haste]:
    """A loop that looks again and again, so many times with so long a pause."""
    inside = list(ast.walk(loop))
    pauses = [
        _number(node.args[0], source.numbers) or 0
        for node in inside
        if isinstance(node, ast.Call)
        and called(node) in {*SLEEPS, "wait"}
        and node.args
        and not _is_virtual(node)
    ]
    if not pauses or not any(isinstance(node, ast.Break | ast.Return) for node in inside):
        return
    times = _times(loop.iter, source.numbers)
    if times is not None and max(pauses) * times / (1_000 if source.on_pages else 1) < LEAST_S:
        yield Haste(loop.lineno, "for", f"for {ast.unparse(loop.target)} in {ast.unparse(loop.iter)}")


def _pauses(source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Haste]:
    """Pauses after which something is taken to have happened: on a busy machine it has not."""
    loops = [node for node in _own(function) if isinstance(node, ast.For | ast.While | ast.AsyncFor)]
    looped = {id(node) for loop in loops for node in ast.walk(loop)}
    for node in _own(function):
        if isinstance(node, ast.Call) and called(node) in SLEEPS and node.args and id(node) not in looped:
            number = _number(node.args[0], source.numbers)
            if number is not None and number >= LEAST_PAUSE_S * (1_000 if called(node) in SLEEPS_MS else 1):
                yield Haste(node.lineno, called(node), ast.unparse(node))


def _times(over: ast.expr, numbers: dict[str, float]) -> float | None:
    if isinstance(over, ast.Call) and called(over) == "range" and len(over.args) == 1:
        return _number(over.args[0], numbers)
    return None


def _hasty_spans(source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Haste]:
    """Spans and deadlines of real time that are compared, also after they were put in a variable."""
    if not _calls(source.tree, CLOCKS) and source.given == Given():
        return
    own = list(_own(function))
    flow = _flow(own, source.given)
    for node in own:
        if isinstance(node, ast.Assert):
            for less, more in _compared(node.test):
                if flow.is_span(less) or flow.is_rate(more) or flow.is_pace(less):
                    yield Haste(node.lineno, "assert", ast.unparse(node))
    yield from _hasty_deadlines(source, own, flow)


def _hasty_deadlines(source: Source, own: list[ast.AST], flow: "Flow") -> Iterator[Haste]:
    ends = {
        side.id
        for node in own
        if isinstance(node, ast.Compare)
        for pair in _compared(node)
        for side, other in (pair, pair[::-1])
        if isinstance(side, ast.Name) and flow.reads(other)
    }
    for node in own:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.BinOp):
            continue
        names = {target.id for target in node.targets if isinstance(target, ast.Name)} & ends
        left, right = node.value.left, node.value.right
        if names and isinstance(node.value.op, ast.Add) and flow.reads(left):
            number = _number(right, source.numbers)
            if number is not None and 0 < number < LEAST_S * _a_second(left):
                yield Haste(node.lineno, "deadline", ast.unparse(node))


def _a_second(reading: ast.expr) -> int:
    names = " ".join(called(node) for node in ast.walk(reading) if isinstance(node, ast.Call))
    return 1_000_000_000 if "_ns" in names else 1_000 if "_ms" in names else 1


def _own(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """What a function consists of."""
    return itertools.chain.from_iterable(ast.walk(statement) for statement in function.body)


def _compared(test: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The smaller and the greater side of each comparison."""
    for compare in (node for node in ast.walk(test) if isinstance(node, ast.Compare)):
        sides = [compare.left, *compare.comparators]
        for (left, right), op in zip(itertools.pairwise(sides), compare.ops, strict=True):
            if isinstance(op, ast.Lt | ast.LtE):
                yield left, right
            elif isinstance(op, ast.Gt | ast.GtE):
                yield right, left


@dataclass(frozen=True, slots=True)
class Flow:
    """What the names of a function hold: readings of a clock, spans between two, counts divided by a span, noted readings."""

    readings: set[str]
    spans: set[str]
    rates: set[str]
    noted: set[str]
    given: Given

    def reads(self, value: ast.expr) -> bool:
        """Whether a reading of a clock is in it."""
        return _holds(value, self.readings) or _calls(value, CLOCKS)

    def is_span(self, value: ast.expr) -> bool:
        """Whether a difference with a reading of a clock is in it."""
        if self.is_rate(value):
            return False
        return (
            _holds(value, self.spans)
            or _calls(value, self.given.spans)
            or any(self.reads(node.left) or self.reads(node.right) for node in _parts(value).differences)
        )

    def is_rate(self, value: ast.expr) -> bool:
        """Whether something is divided by a span in it."""
        return (
            _holds(value, self.rates)
            or _calls(value, self.given.rates)
            or any(self.is_span(node.right) for node in _parts(value).quotients)
        )

    def is_pace(self, value: ast.expr) -> bool:
        """Whether it is worked out from readings that were noted one by one."""
        return (
            isinstance(value, ast.Call) and called(value) not in {"len", "bool"} and _holds(value, self.noted)
        )


def _flow(own: list[ast.AST], given: Given) -> Flow:
    flow = Flow(set(), set(), set(), set(given.noted), given)
    assigned = [
        (target, node.value) for node in own if isinstance(node, ast.Assign) for target in node.targets
    ]
    assigned += [(node.target, node.value) for node in own if isinstance(node, ast.AugAssign | ast.NamedExpr)]
    for _ in range(3):  # a span of a span of a reading
        for target, value in assigned:
            names = {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
            if flow.is_rate(value):
                flow.rates.update(names)
            elif flow.is_span(value):
                flow.spans.update(names)
            elif flow.reads(value):
                flow.readings.update(names)
            elif _holds(value, flow.noted):
                flow.noted.update(names)
        if not (flow.readings or flow.spans or flow.rates or flow.noted):
            break
    return flow


def _noted(own: list[ast.AST], given: Given) -> Iterator[str]:
    """The names that readings are appended to."""
    flow = _flow(own, given)
    for node in own:
        if isinstance(node, ast.Call) and called(node) == "append" and node.args and flow.reads(node.args[0]):
            kept = node.func.value if isinstance(node.func, ast.Attribute) else node
            kept = kept.value if isinstance(kept, ast.Subscript) else kept
            yield ast.unparse(kept).rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a piece of code consists of, by what matters here."""

    names: frozenset[str]
    calls: frozenset[str]
    differences: tuple[ast.BinOp, ...]
    quotients: tuple[ast.BinOp, ...]


@functools.cache
def _parts(value: ast.AST) -> Parts:
    nodes = list(ast.walk(value))
    binary = [node for node in nodes if isinstance(node, ast.BinOp)]
    return Parts(
        names=frozenset(
            node.id if isinstance(node, ast.Name) else node.attr
            for node in nodes
            if isinstance(node, ast.Name | ast.Attribute)
        ),
        calls=frozenset(called(node) for node in nodes if isinstance(node, ast.Call)),
        differences=tuple(node for node in binary if isinstance(node.op, ast.Sub)),
        quotients=tuple(node for node in binary if isinstance(node.op, ast.Div)),
    )


def _calls(value: ast.AST, names: AbstractSet[str]) -> bool:
    return not names.isdisjoint(_parts(value).calls)


def _holds(value: ast.AST, names: AbstractSet[str]) -> bool:
    return not names.isdisjoint(_parts(value).names)
