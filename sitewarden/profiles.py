"""`sitewarden profile`: check profiles, begin a new one, list what there is."""

import re
from pathlib import Path
from typing import Final

from contract.problems import ConfigError, Problem
from contract.profile.load import load_profile
from contract.site_files import shipped_config
from edge.devicetable import markdown, row
from sitewarden.errors import CommandError
from sitewarden.names import expected_names, hints, names_table
from sitewarden.near_names import profile_problems
from sitewarden.skeleton import begun_from

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def check_profiles(files: list[Path]) -> tuple[list[Problem], list[str]]:
    """Every mistake of every file, or of those in a folder, and a line for each that is right; hints are lines, too."""
    problems: list[Problem] = []
    summary: list[str] = []
    expected = expected_names()
    for file in (one for given in files for one in _files(given)):
        try:
            profile = load_profile(file)
            problems += profile_problems(file)
            found = row(profile)
        except ConfigError as error:
            problems += error.problems
            continue
        requests = "" if found.requests is None else f" in {found.requests} requests"
        weak = f", {len(found.unverified)} unverified" if found.unverified else ""
        summary.append(f"{file}: {found.name}: {found.points} points{requests}{weak}")
        summary += [f"{file}: {hint}" for hint in hints(profile, expected)]
    return problems, summary


def _files(given: Path) -> list[Path]:
    return sorted(given.glob("*.yaml")) if given.is_dir() else [given]


def new_profile(name: str, source: str, target: Path) -> Path:
    """A profile under a new name, in the folder `target`, to be changed.

    `source`: a shipped profile, or a file: another profile, a register list as CSV, or a captured message as JSON.

    Raises:
        CommandError: There is no such profile, nothing can be begun from the file, or it is there already.
    """
    if not _NAME.fullmatch(name):
        raise CommandError(
            f"expected a name of letters, digits, - and _ such as acme-meter-3, found {name!r}"
        )
    file = target / f"{name}.yaml"
    if file.exists():
        raise CommandError(f"{file} is there already")
    text = _begun(name, source)
    target.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def _begun(name: str, source: str) -> str:
    folder = shipped_config() / "profiles"
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    path = folder / f"{source}.yaml" if source in known else Path(source)
    try:
        body = path.read_bytes()
    except OSError as error:
        raise CommandError(
            f"no profile {source!r}; there are {', '.join(known)}, or the path of a file"
        ) from error
    if path.suffix not in {".yaml", ".yml"}:
        return begun_from(name, path.name, body)
    text = body.decode("utf-8", "replace")
    begun = f"# Begun from {source}: change what differs, then run `sitewarden profile check {name}.yaml`.\n"
    return begun + re.sub(r"^profile:.*$", f"profile: {name}", text, count=1, flags=re.MULTILINE)


def profile_table() -> str:
    """The shipped profiles as a Markdown page."""
    files = sorted((shipped_config() / "profiles").glob("*.yaml"))
    head = "# Devices\n\nMade by `sitewarden profile table`; the facts and their sources are in `config/profiles/`.\n\n"
    return head + markdown(map(load_profile, files)) + "\n" + names_table(expected_names())
