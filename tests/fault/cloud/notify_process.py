"""A notifier as a process of its own, to be killed: `python -m` this file with its facts as JSON."""

import asyncio
import json
import sys
from pathlib import Path

from cloud.clock import now_ms
from cloud.notify.channels import Channel
from cloud.notify.notifier import Notifier
from cloud.store.postgres.outbox import PostgresOutbox


async def notify(facts: dict[str, str]) -> None:
    """Until killed."""
    hook = Channel(id="hook", webhook=facts["url"], secret=facts["secret"])
    notifier = Notifier(PostgresOutbox(facts["dsn"]), [hook], {}, now_ms, int(facts["lease_ms"]))
    await notifier.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(notify(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
