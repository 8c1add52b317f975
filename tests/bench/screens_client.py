"""Many screens in one process: `python -m tests.bench.screens_client ADDRESS COUNT SECONDS` listens and answers nonces.

Prints a JSON object at the end: ms since the epoch at which each screen heard each change, by the change's id.
"""

import asyncio
import json
import sys
import time
from collections import defaultdict

import httpx

READY = "all listen"


async def screen(
    client: httpx.AsyncClient, number: int, heard: dict[str, list[float]], ready: asyncio.Queue[int]
) -> None:
    """One screen: it hears, and answers each nonce."""
    name = f"wall-{number}"
    query = {"site": "demo", "screen": name}
    async with client.stream("GET", "/api/v1/stream", params=query, timeout=None) as answer:
        async for line in answer.aiter_lines():
            if not line.startswith("data:"):
                continue
            data = json.loads(line[5:])
            if row := data.get("row"):
                heard[row["id"]].append(time.time() * 1_000)
            if nonce := data.get("nonce"):
                ready.put_nowait(number)
                body = {"nonce": nonce, "audible": True, "visible": True, "drawn_ms": 16, "data_age_ms": 40}
                path = f"/api/v1/sites/demo/screens/{name}/answers"
                await client.post(path, json=body)


async def main(address: str, count: int, seconds: float) -> None:
    """Listens for so long after all are there."""
    heard: dict[str, list[float]] = defaultdict(list)
    ready: asyncio.Queue[int] = asyncio.Queue()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=address, limits=limits) as client, asyncio.TaskGroup() as group:
        screens = [group.create_task(screen(client, number, heard, ready)) for number in range(count)]
        while len({await ready.get() for _ in range(count)}) < count:
            pass
        print(READY, flush=True)
        await asyncio.sleep(seconds)
        for one in screens:
            one.cancel()
    print(json.dumps(heard), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
