"""The notifier as a role of the cloud: what a commit puts into the database goes out at once."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from structlog.testing import capture_logs

from cloud.clock import now_ms
from cloud.settings import Role, Settings
from cloud.store.postgres.writer import PostgresStore
from contract.problems import ConfigError
from tests.cloud_rig import Ports, running_cloud, settings_for
from tests.outboxes import Filler, attempts, notice, told
from tests.receivers import mail_server, receiver
from tests.waiting import until

# Apprise imports a module that Python 3.13 drops.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr'")
ENDED_BY_THE_SERVER = (
    b"select pg_terminate_backend(pid) from pg_stat_activity"
    b" where datname = current_database() and pid <> pg_backend_pid() and pid <> all("
    b"select pid from pg_locks where locktype = 'advisory')"
)
"""All connections but that of the partition's writer."""


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    """A notifier of a site with two people; the channels file is not there yet."""
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "site.yaml").write_text(
        "site: demo\npeople:\n  - {id: p-007, contacts: {mail: wang@example.org}}\n  - {id: p-008}\n"
    )
    (tmp_path / "rules.yaml").write_text("rules: []\n")
    return settings_for(
        dsn,
        Ports(0, 0),
        sites=(folder,),
        rules=tmp_path / "rules.yaml",
        roles=frozenset({Role.NOTIFY}),
        channels=tmp_path / "channels.yaml",
    )


@pytest.fixture
def filler(dsn: str) -> Iterator[Filler]:
    writer = PostgresStore(dsn).open(3)
    yield Filler(writer)
    writer.close()


def write_channels(settings: Settings, *lines: str) -> None:
    assert settings.channels
    settings.channels.write_text("\n".join(["channels:", *(f"  - {line}" for line in lines)]) + "\n")


async def test_each_committed_notice_goes_out_before_the_next(
    dsn: str, settings: Settings, filler: Filler, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("a secret of the hook")
    filler.put(notice("waited"))
    late: list[int] = []
    with receiver() as web, mail_server() as (box, port):
        write_channels(
            settings,
            f'{{id: hook, webhook: "{web.url}/hook", secret: "{{file:{tmp_path}/secret}}"}}',
            f'{{id: mail, apprise: "mailto://127.0.0.1:{port}?from=sw%40example.org&to={{mail}}"}}',
        )
        async with running_cloud(settings):
            await until(lambda: told(dsn, "waited").state == "sent")
            for number in range(20):
                committed = now_ms()
                filler.put(notice(f"n{number}"))
                await until(lambda number=number: f"n{number}" in web.notices())
                late.append(web.calls[-1].at - committed)
            filler.put(notice("mail", channel="mail"), notice("none", channel="mail", person="p-008"))
            await until(lambda: (told(dsn, "mail").state, told(dsn, "none").state) == ("sent", "failed"))
    print(f"from commit to receiver: {sorted(late)} ms")
    assert box.recipients == ["wang@example.org"]
    assert attempts(dsn, "none")[0].answer == "p-008 has no mail"


async def test_the_notifier_outlives_its_connections(dsn: str, settings: Settings, filler: Filler) -> None:
    with receiver() as web:
        write_channels(settings, f'{{id: hook, webhook: "{web.url}/hook", secret: s}}')
        filler.put(notice("before"))
        with capture_logs() as logged:
            async with running_cloud(settings):
                await until(lambda: told(dsn, "before").state == "sent")
                with psycopg.connect(dsn) as other:
                    other.execute(ENDED_BY_THE_SERVER)
                filler.put(notice("n"))
                await until(lambda: told(dsn, "n").state == "sent")
    assert web.notices() == ["before", "n"]
    assert not [line for line in logged if line["action"] == "part_failed"]


async def test_a_channels_file_with_mistakes_starts_nothing(settings: Settings) -> None:
    write_channels(settings, "{id: hook, webhook: h}")
    with pytest.raises(ConfigError, match=r"channels.yaml:2: channels\[0\]: secret is missing"):
        async with running_cloud(settings):
            pass
