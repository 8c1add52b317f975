"""The schema comes from plain SQL files, each run once, in their order."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cloud.errors import MigrationError, StoreRejectedError, StoreUnavailableError
from cloud.store.postgres.migrate import migrate, read_migrations
from tests.databases import SERVERS, empty_database


@pytest.fixture(params=SERVERS)
def dsn(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of each kind of server."""
    with empty_database(request.param) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "0001_first", "create table a (x int);")
    write(tmp_path, "0002_second", "insert into a values (1);")
    return tmp_path


def write(folder: Path, version: str, statements: str, options: str = "") -> None:
    text = f"-- migrate:up{options}\n{statements}\n\n-- migrate:down\ndrop table a;\n"
    (folder / f"{version}.sql").write_text(text)


def rows(dsn: str, query: bytes) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchall()


def test_the_shipped_migrations_make_the_tables_and_run_once(dsn: str) -> None:
    assert migrate(dsn) == [migration.version for migration in read_migrations()]
    assert migrate(dsn) == []
    tables = {name for (name,) in rows(dsn, b"select table_name from information_schema.tables")}
    assert {"events", "readings", "ledger", "checkpoint", "verdict_revisions", "incidents"} <= tables


@pytest.mark.timescale
@pytest.mark.skipif("timescale" not in SERVERS, reason="no real TimescaleDB in this run")
def test_with_timescaledb_the_big_tables_are_hypertables() -> None:
    with empty_database("timescale") as dsn:
        migrate(dsn)
        found = rows(dsn, b"select hypertable_name from timescaledb_information.hypertables order by 1")
    assert found == [("events",), ("readings",)]


def test_files_run_in_order_and_never_down(dsn: str, folder: Path) -> None:
    assert migrate(dsn, folder) == ["0001_first", "0002_second"]
    assert rows(dsn, b"select x from a") == [(1,)]


def test_a_new_file_is_run_alone(dsn: str, folder: Path) -> None:
    migrate(dsn, folder)
    write(folder, "0003_third", "insert into a values (3);")
    assert migrate(dsn, folder) == ["0003_third"]


def test_a_failing_file_leaves_nothing_of_itself(dsn: str, folder: Path) -> None:
    write(folder, "0003_third", "insert into a values (3); insert into a values (1 / 0);")
    with pytest.raises(StoreRejectedError, match="division by zero"):
        migrate(dsn, folder)
    assert rows(dsn, b"select x from a") == [(1,)]
    assert rows(dsn, b"select max(version) from schema_migrations") == [("0002_second",)]


def test_a_changed_file_stops_the_start(dsn: str, folder: Path) -> None:
    migrate(dsn, folder)
    write(folder, "0002_second", "insert into a values (2);")
    with pytest.raises(MigrationError, match="0002_second"):
        migrate(dsn, folder)


def test_a_database_of_a_newer_program_stops_the_start(dsn: str, folder: Path) -> None:
    migrate(dsn, folder)
    (folder / "0002_second.sql").unlink()
    with pytest.raises(MigrationError, match="0002_second"):
        migrate(dsn, folder)


def test_an_index_can_be_built_outside_a_transaction(dsn: str, folder: Path) -> None:
    write(folder, "0003_third", "create index concurrently a_x on a (x);", " transaction:false")
    assert migrate(dsn, folder)[-1] == "0003_third"


def test_a_file_without_the_mark_is_refused(dsn: str, folder: Path) -> None:
    (folder / "0003_third.sql").write_text("select 1;")
    with pytest.raises(MigrationError, match="0003_third"):
        migrate(dsn, folder)


def test_three_programs_starting_at_once_run_each_file_once(dsn: str, folder: Path) -> None:
    applied: list[str] = []
    threads = [threading.Thread(target=lambda: applied.extend(migrate(dsn, folder))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(applied) == ["0001_first", "0002_second"]


def test_a_missing_server_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError):
        migrate(f"host={tmp_path} dbname=none", tmp_path)
