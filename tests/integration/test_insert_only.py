"""The record can't be changed by the login that writes it, nor by mistake by the one that owns the tables."""

import contextlib
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from cloud.store.postgres.writer import PostgresStore
from tests import samples
from tests.databases import SERVERS, as_program, fresh_database
from tests.samples import Scribe

RECORD = (
    *("events", "readings", "verdict_revisions", "incident_changes", "record_changes", "answers"),
    *("quarantine", "sends", "blind_spans"),
)
STATE = (
    *(
        "checkpoint",
        "ledger",
        "engine_cells",
        "devices",
        "agents",
        "alerts",
        "incidents",
        "records",
        "notices",
    ),
    *("readings_hourly", "hours_rolled", "schema_migrations"),
)
"""What stands for now only: it is made of the record, and written over."""

CHANGES = ("update {} set partition = 1", "delete from {}", "truncate {}")


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Logins of the owner and of the program, to a database in which something happened."""
    with fresh_database(request.param) as owner:
        program = as_program(request.param, owner)
        with contextlib.closing(PostgresStore(program).open(3)) as writer:
            Scribe(writer).write(events=[samples.events(samples.event(1))])
        yield owner, program


def refused(dsn: str, statement: str, table: str, role: str = "") -> str:
    """The error that a statement ends with; empty when it goes through."""
    with psycopg.connect(dsn) as connection:
        if role:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        try:
            connection.execute(sql.SQL(statement).format(sql.Identifier(table)))  # type: ignore[arg-type]
        except psycopg.Error as error:
            return type(error).__name__
        finally:
            connection.rollback()
    return ""


@pytest.mark.parametrize("table", RECORD)
@pytest.mark.parametrize("statement", CHANGES)
def test_no_row_of_the_record_is_changed(server: tuple[str, str], table: str, statement: str) -> None:
    if table == "sends":
        statement = statement.replace("partition = 1", "attempt = 1")
    if table == "blind_spans" and statement.startswith("update"):
        statement = "update {} set end_at = start_at"
        insert = "insert into blind_spans values ('s', 'd', now(), now() + interval '1 s', 0, 1)"
        with psycopg.connect(server[1]) as connection:
            connection.execute("delete from engine_cells")  # what is no record may be
            connection.execute(insert)
    assert refused(server[1], statement, table) == "InsufficientPrivilege"
    assert refused(server[0], statement, table) == "InsufficientPrivilege"


@pytest.mark.parametrize("statement", ["drop table {}", "alter table {} disable trigger all"])
def test_the_program_can_not_lift_what_keeps_it(server: tuple[str, str], statement: str) -> None:
    for table in RECORD:
        assert refused(server[1], statement, table) == "InsufficientPrivilege"


def test_the_keeper_removes_rows_and_changes_none(server: tuple[str, str]) -> None:
    for table in RECORD:
        assert refused(server[0], "delete from {}", table, "sitewarden_keeper") == ""
        assert refused(server[0], "truncate {}", table, "sitewarden_keeper") == "InsufficientPrivilege"
    assert refused(server[0], CHANGES[0], "events", "sitewarden_keeper") == "InsufficientPrivilege"


def test_a_reader_reads(server: tuple[str, str]) -> None:
    assert refused(server[0], "select from {}", "events", "sitewarden_reader") == ""
    assert refused(server[0], "insert into {} default values", "events", "sitewarden_reader")


def test_of_every_table_it_is_said_whether_it_is_of_the_record(server: tuple[str, str]) -> None:
    query = "select tablename from pg_tables where schemaname = 'public'"
    with psycopg.connect(server[0]) as connection:
        found = {name for (name,) in connection.execute(query)}
    assert found == {*RECORD, *STATE}


def test_a_login_without_the_role_sees_nothing(server: tuple[str, str]) -> None:
    with psycopg.connect(server[0]) as connection:
        connection.execute("drop role if exists nobody_of_tests")
        connection.execute("create role nobody_of_tests login password 'a-password-of-tests'")
    stranger = make_conninfo(server[0], user="nobody_of_tests", password="a-password-of-tests")
    assert refused(stranger, "select from {}", "events") == "InsufficientPrivilege"
