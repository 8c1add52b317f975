"""What a supervisor sees and does without a browser: the API asked, its answers as tables."""

import datetime as dt
import io
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args, get_origin

import msgspec
from rich.console import Console
from rich.table import Table

from cloud.operations.command import Action
from sitewarden.errors import CommandError

_TIMEOUT_S: Final = 10
_WIDTH: Final = 140
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Where the API is, which site is meant, and in which language (`zh` or `en`) things are said."""

    url: str
    site: str
    token_file: Path | None = None
    language: str = "en"


class Api:
    """The API of a running cloud. Every call may raise `CommandError` with what it answered, in words."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._base = f"{server.url.rstrip('/')}/api/v1/sites/{urllib.parse.quote(server.site, safe='')}"

    def get(self, path: str, **query: str | Sequence[str]) -> Any:  # noqa: ANN401 - JSON
        """What a path of the site answers."""
        asked = f"?{urllib.parse.urlencode(query, doseq=True)}" if query else ""
        return self._ask(urllib.request.Request(f"{self._base}{path}{asked}"))  # noqa: S310 - as the person says

    def whole(self, path: str, **query: str | Sequence[str]) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page."""
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, **query, **cursor)
            yield from page["items"]
            if page["next"] is None:
                return
            cursor = {"cursor": page["next"]}

    def do(self, person: str, action: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Do something, once."""
        body = json.dumps({"person": person, "action": dict(action)}).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        return self._ask(
            urllib.request.Request(f"{self._base}/actions", data=body, headers=headers)  # noqa: S310 - as above
        )

    def _ask(self, request: urllib.request.Request) -> Any:  # noqa: ANN401 - JSON
        if not request.full_url.startswith(("http://", "https://")):
            raise CommandError(f"expected --url http://… or https://…, found {self._server.url}")
        if self._server.token_file is not None:
            request.add_header("Authorization", f"Bearer {_token(self._server.token_file)}")
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - checked above
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise CommandError(_said(error, self._server.language)) from error
        except (OSError, ValueError) as error:
            raise CommandError(f"{self._server.url} does not answer: {error}") from error


def _token(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise CommandError(f"--token-file: can't read {path}: {error.strerror}") from error


def _said(error: urllib.error.HTTPError, language: str) -> str:
    try:
        body = json.load(error)
    except ValueError:
        return f"{error.code} {error.reason}"
    detail = body.get("detail_zh") if language == "zh" else None
    fields = "; ".join(f"{one['field']}: {one['message']}" for one in body.get("errors") or ())
    return " ".join(text for text in (detail or body.get("detail", str(error)), fields) if text)


class Names:
    """The names of a site's things in one language, and its times."""

    def __init__(self, api: Api, language: str) -> None:
        site = api.get("")
        self._language = language
        self._zone = zoneinfo.ZoneInfo(site["timezone"])
        self._names = {
            item["id"]: item["name"].get(language) or item["id"]
            for part in ("zones", "devices", "people", "agents", "groups")
            for item in site[part]
        }

    def of(self, identity: str) -> str:
        """The name of a zone, device, person or agent; what has none is called by its id."""
        return self._names.get(identity) or identity

    def time(self, ms: int | None) -> str:
        """A moment in the site's time."""
        if ms is None:
            return ""
        moment = (_EPOCH + dt.timedelta(milliseconds=ms)).astimezone(self._zone)
        return moment.strftime("%m-%d %H:%M:%S")

    def day(self, text: str) -> tuple[int, int]:
        """The night that begins on a day: from 18:00 to 08:00, ms.

        Raises:
            CommandError: The text is no day.
        """
        try:
            day = dt.date.fromisoformat(text)
        except ValueError as error:
            raise CommandError(f"--day: expected a day such as 2026-11-22, found {text!r}") from error
        start = dt.datetime.combine(day, dt.time(18), tzinfo=self._zone)
        end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(8), tzinfo=self._zone)
        return round(start.timestamp() * 1_000), round(end.timestamp() * 1_000)


def incidents(server: Server) -> str:
    """The open incidents, latest first."""
    api = Api(server)
    names = Names(api, server.language)
    table = _table("id", "since", "what", "place", "how far", "who", "missing")
    for one in api.whole("/incidents", state="open"):
        life = one["life"]
        waiting = [episode for episode in one["episodes"] if episode["outcome"] == "pending"]
        table.add_row(
            one["id"],
            names.time(one["opened_at"]),
            life.get("emergency") or one["cause"] or one["kind"],
            names.of(one["subject"]),
            one["phase"],
            ", ".join(names.of(person) for person in life.get("people", ())),
            ", ".join(f"{ep['rule']} {names.time(ep['due_at'])}" for ep in waiting[:3]),
        )
    return _shown(table)


def alarms(server: Server) -> str:
    """The alarms that stand or wait for somebody, latest first."""
    api = Api(server)
    names = Names(api, server.language)
    table = _table("id", "since", "alarm", "priority", "place", "state", "times")
    states = (
        "unacknowledged",
        "acknowledged",
        "returned_unacknowledged",
        "shelved",
        "suppressed",
        "out_of_service",
    )
    for one in api.whole("/alarms", state=states):
        body = one["body"]
        place = names.of(body.get("zone") or body["source"])
        priority = ("", "critical", "high", "medium", "low")[body["priority"]]
        table.add_row(
            one["id"],
            names.time(one["opened_at"]),
            body["kind"],
            priority,
            place,
            one["state"],
            str(body.get("count", 1)),
        )
    return _shown(table)


def orders(server: Server) -> str:
    """The orders that are not over, latest first."""
    api = Api(server)
    names = Names(api, server.language)
    table = _table("id", "since", "kind", "title", "place", "state", "who")
    for one in api.whole("/orders", state=("registered", "accepted", "on_site", "done", "verified")):
        body = one["body"]
        place = names.of(body.get("zone") or body.get("device") or "")
        who = names.of(body.get("assigned") or "")
        table.add_row(
            one["id"], names.time(one["opened_at"]), body["kind"], body["title"], place, one["state"], who
        )
    return _shown(table)


def screens(server: Server) -> str:
    """The screens, whether each is live and can be heard, and who heard its test sound last."""
    api = Api(server)
    names = Names(api, server.language)
    table = _table("id", "name", "state", "since", "heard by", "heard")
    for one in api.whole("/screens"):
        body = one["body"]
        heard = names.of(body.get("heard_by") or "")
        since, heard_at = names.time(body.get("seen_at")), names.time(body.get("heard_at"))
        table.add_row(one["id"], body.get("name", ""), one["state"], since, heard, heard_at)
    return _shown(table)


def night(server: Server, day: str) -> str:
    """The verdicts of a night, with the sentence that explains each."""
    api = Api(server)
    names = Names(api, server.language)
    since, until = names.day(day)
    table = _table("opened", "rule", "place", "outcome", "why")
    rows = list(api.whole("/verdicts", since=str(since), until=str(until)))
    for one in reversed(rows):
        why = one["explain"].get(server.language) or one["reason"]
        table.add_row(names.time(one["opened_at"]), one["rule"], names.of(one["key"]), one["outcome"], why)
    counts = {word: sum(row["outcome"] == word for row in rows) for word in ("met", "breached", "unknown")}
    return _shown(table) + " ".join(f"{word} {count}" for word, count in counts.items())


def act(server: Server, person: str, verb: str, fields: Sequence[str]) -> str:
    """Do something: `acknowledge incident=9f1c…`; what became of it.

    Raises:
        CommandError: A field is not `name=value`, or it was refused; the reason is the server's.
    """
    action = _action(verb, fields)
    answer = Api(server).do(person, action)
    return f"{verb}: {answer.get('kind', '')} {answer.get('target', answer['id'])}".strip()


def _action(verb: str, fields: Sequence[str]) -> dict[str, Any]:
    """The action as the API takes it; each value is read as its field asks: `people=p-007,p-008`, `good=true`."""
    found = next((one for one in get_args(Action) if one.__struct_config__.tag == verb), None)
    if found is None:
        verbs = sorted(str(one.__struct_config__.tag) for one in get_args(Action))
        raise CommandError(f"no action {verb!r}; there are {', '.join(verbs)}")
    types = {field.name: field.type for field in msgspec.structs.fields(found)}
    values: dict[str, Any] = {}
    for field in fields:
        name, separator, value = field.partition("=")
        if not separator or not name:
            raise CommandError(f"expected name=value such as incident=9f1c2b7a90d4e6f3, found {field!r}")
        several = get_origin(types.get(name)) is tuple
        values[name] = [part for part in value.split(",") if part] if several else value
    try:
        action = msgspec.convert({"do": verb, **values}, found, strict=False)
    except msgspec.ValidationError as error:
        raise CommandError(f"{verb}: {error}; its fields are {', '.join(types)}") from error
    return dict(msgspec.to_builtins(action))


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _shown(table: Table) -> str:
    if not table.row_count:
        return "nothing\n"
    out = io.StringIO()
    Console(file=out, width=_WIDTH, highlight=False).print(table)
    return out.getvalue()
