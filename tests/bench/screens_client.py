"""Many screens in one process: `python -m tests.bench.screens_client ADDRESS COUNT SECONDS` listens and answers nonces.

Prints a JSON object at the end: ms since the epoch at which each screen heard each change, by the change's id. It speaks
bare HTTP/1.0, so that what is measured is the server.
"""

import asyncio
import json
import sys
import time
from collections import defaultdict
from urllib.parse import urlsplit

READY = "all listen"


async def post(host: str, port: int, path: str, body: bytes) -> None:
    """An answer, on a connection of its own."""
    reader, writer = await asyncio.open_connection(host, port)
    head = f"POST {path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await reader.read()
    writer.close()


async def screen(
    host: str, port: int, name: str, heard: dict[str, list[float]], ready: asyncio.Queue[str]
) -> None:
    """One screen: it hears, and answers each nonce."""
    reader, writer = await asyncio.open_connection(host, port, limit=2**20)
    path = f"/api/v1/stream?site=demo&screen={name}"
    writer.write(f"GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n".encode())
    while line := await reader.readline():
        if not line.startswith(b"data:"):
            continue
        at = time.time() * 1_000
        data = json.loads(line[5:])
        if row := data.get("row"):
            heard[row["id"]].append(at)
        if nonce := data.get("nonce"):
            ready.put_nowait(name)
            body = {"nonce": nonce, "audible": True, "visible": True, "drawn_ms": 16, "data_age_ms": 40}
            await post(host, port, f"/api/v1/sites/demo/screens/{name}/answers", json.dumps(body).encode())


async def main(address: str, count: int, seconds: float) -> None:
    """Listens for so long after all are there."""
    heard: dict[str, list[float]] = defaultdict(list)
    ready: asyncio.Queue[str] = asyncio.Queue()
    where = urlsplit(address)
    names = [f"wall-{number}" for number in range(count)]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(screen(where.hostname or "", where.port or 80, name, heard, ready))
            for name in names
        ]
        there: set[str] = set()
        while len(there) < count:
            there.add(await ready.get())
        print(READY, flush=True)
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
    print(json.dumps(heard), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
