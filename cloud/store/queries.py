"""SQL statements by name, from the `.sql` files beside this module.

A file holds statements, each after a line `-- name: the_name`.
"""

import re
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "sql"
_NAME: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def load_queries(file: str) -> dict[str, str]:
    """The statements of `sql/<file>.sql` by name.

    Raises:
        ValueError: A name stands twice.
    """
    _, *parts = _NAME.split((FOLDER / f"{file}.sql").read_text("utf-8"))
    names = parts[0::2]
    if len(set(names)) != len(names):
        raise ValueError(f"a name stands twice in {file}.sql")
    return dict(zip(names, (text.strip() for text in parts[1::2]), strict=True))
