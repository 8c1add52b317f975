"""Small faults that can be planted in a Python source: each is one piece of text put in the place of another. Pure."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_COMPARISONS: Final[dict[type[ast.cmpop], str]] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
_SILENT: Final = ("log.", "logger.", "print(", "warnings.")
"""Calls that nobody decides by."""


@dataclass(frozen=True)
class Fault:
    """The text between two offsets of a file (in bytes of UTF-8) replaced by another."""

    path: Path
    line: int
    start: int
    end: int
    new: str
    old: str

    def planted(self) -> bytes:
        """The file's content with the fault in it."""
        content = self.path.read_bytes()
        return content[: self.start] + self.new.encode() + content[self.end :]

    def __str__(self) -> str:
        """The place, and what becomes of what."""
        return f"{self.path}:{self.line}: {_short(self.old)}  →  {_short(self.new)}"


def faults_in(path: Path) -> list[Fault]:
    """Every fault that this module knows to plant in a file, in order of place."""
    content = path.read_bytes()
    found = _Finder(path, content)
    found.visit(ast.parse(content))
    return sorted(found.faults, key=lambda fault: (fault.start, fault.end, fault.new))


class _Finder(ast.NodeVisitor):
    """Walks what is decided: no annotations, texts of errors, log lines or docstrings."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path = path
        self._content = content
        self._line_starts = [0]
        for line in content.splitlines(keepends=True):
            self._line_starts.append(self._line_starts[-1] + len(line))
        self.faults: list[Fault] = []

    def _place(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._line_starts[node.lineno - 1] + node.col_offset
        return start, self._line_starts[node.end_lineno - 1] + node.end_col_offset

    def _note(self, node: ast.expr | ast.stmt, new: str) -> None:
        start, end = self._place(node)
        old = self._content[start:end].decode()
        self.faults.append(Fault(self._path, node.lineno, start, end, new, old))

    def _text(self, node: ast.expr | ast.stmt) -> str:
        start, end = self._place(node)
        return self._content[start:end].decode()

    # --- what is left out

    def visit_Raise(self, node: ast.Raise) -> None:
        """The text of an error decides nothing."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Neither does any other text."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Only the value."""
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Only the body."""
        self._visit_all(node.body)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Only the body."""
        self._visit_all(node.body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Only the body."""
        self._visit_all(node.body)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """A type's arguments are no numbers; those of others are looked at."""
        if not ast.unparse(node.value).startswith(("Annotated", "Literal", "tuple", "dict", "list", "Final")):
            self.generic_visit(node)

    def _visit_all(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.visit(statement)

    # --- what is planted

    def visit_Compare(self, node: ast.Compare) -> None:
        """One comparison becomes its neighbour or its opposite."""
        if len(node.ops) == 1:
            operator = _COMPARISONS[type(node.ops[0])]
            self._note(node, f"(({self._text(node.left)}) {operator} ({self._text(node.comparators[0])}))")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """`and` becomes `or`, and the other way round."""
        other = " or " if isinstance(node.op, ast.And) else " and "
        self._note(node, "(" + other.join(f"({self._text(value)})" for value in node.values) + ")")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """A `not` is dropped."""
        if isinstance(node.op, ast.Not):
            self._note(node, f"({self._text(node.operand)})")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Plus becomes minus, and the other way round."""
        if isinstance(node.op, ast.Add | ast.Sub) and not _is_text(node):
            sign = "-" if isinstance(node.op, ast.Add) else "+"
            self._note(node, f"({self._text(node.left)} {sign} {self._text(node.right)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """A number grows by one; a truth turns round."""
        if isinstance(node.value, bool):
            self._note(node, str(not node.value))
        elif isinstance(node.value, int):
            self._note(node, str(node.value + 1))

    def visit_Expr(self, node: ast.Expr) -> None:
        """A call for its effect is dropped."""
        if isinstance(node.value, ast.Call) and not self._text(node).startswith(_SILENT):
            self._note(node, "pass")
            self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """What is added is forgotten."""
        self._note(node, "pass")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """What is remembered in an object is forgotten."""
        if all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
            self._note(node, "pass")
        self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        """A condition turns round."""
        if not isinstance(node.test, ast.Compare | ast.UnaryOp):
            self._note(node.test, f"not ({self._text(node.test)})")
        self.generic_visit(node)


def _is_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 90 else line[:87] + "…"


def sources(root: Path, packages: list[str]) -> Iterator[Path]:
    """The Python files of packages, relative to the root, sorted."""
    for package in packages:
        place = root / package
        files = [place] if place.suffix else sorted(place.rglob("*.py"))
        yield from (path.relative_to(root) for path in files)
