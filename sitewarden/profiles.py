"""`sitewarden profile`: check profiles, begin a new one, list what there is."""

from pathlib import Path

from contract.problems import ConfigError, Problem
from contract.profile.load import load_profile
from contract.site_files import shipped_config
from edge.devicetable import markdown, row
from sitewarden.errors import CommandError


def check_profiles(files: list[Path]) -> tuple[list[Problem], list[str]]:
    """Every mistake of every file, and a line for each that is right."""
    problems: list[Problem] = []
    summary: list[str] = []
    for file in files:
        try:
            found = row(load_profile(file))
        except ConfigError as error:
            problems += error.problems
            continue
        requests = "" if found.requests is None else f" in {found.requests} requests"
        weak = f", {len(found.unverified)} unverified" if found.unverified else ""
        summary.append(f"{file}: {found.name}: {found.points} points{requests}{weak}")
    return problems, summary


def new_profile(name: str, source: str, target: Path) -> Path:
    """A copy of a shipped profile under a new name, in the folder `target`, to be changed.

    Raises:
        CommandError: There is no such profile, or the file is there already.
    """
    folder = shipped_config() / "profiles"
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if source not in known:
        raise CommandError(f"no profile {source!r}; there are {', '.join(known)}")
    file = target / f"{name}.yaml"
    if file.exists():
        raise CommandError(f"{file} is there already")
    text = (folder / f"{source}.yaml").read_text("utf-8")
    begun = f"# Begun from {source}: change what differs, then run `sitewarden profile check {file}`.\n"
    target.mkdir(parents=True, exist_ok=True)
    file.write_text(begun + text.replace(f"profile: {source}\n", f"profile: {name}\n", 1), "utf-8")
    return file


def profile_table() -> str:
    """The shipped profiles as a Markdown page."""
    files = sorted((shipped_config() / "profiles").glob("*.yaml"))
    head = "# Devices\n\nMade by `sitewarden profile table`; the facts and their sources are in `config/profiles/`.\n\n"
    return head + markdown(map(load_profile, files))
