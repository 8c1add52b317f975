"""A patrol reader publishes a scan; how long until a client of the live stream has it. The whole line, idle.

The embedded stack with its simulated devices: reader → broker → edge (spool) → broker → worker → PostgreSQL →
live stream, every part a process of its own on this machine.
"""

import contextlib
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from contract.site_files import shipped_config
from sitewarden.stack import FIELD_USER, Stack, StackOptions
from tests.webserver import streaming, until

SCANS = 300
WARM_UP = 20
PAUSE_S = 0.1


def run(scale: float = 1.0) -> list[dict[str, Any]]:
    """The figures."""
    with running_stack() as stack:
        delays = sorted(_delays(stack, max(30, int(SCANS * scale))))
    return [
        {"name": f"line.publish_to_sse.{name}", "value": delays[int(share * (len(delays) - 1))], "unit": "ms"}
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    ]


@contextlib.contextmanager
def running_stack() -> Iterator[Stack]:
    """Everything, on a quiet night."""
    config = shipped_config()
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(
            StackOptions(
                folder=Path(folder),
                site=config / "sites" / "demo",
                rules=config / "rules",
                scenario=config / "scenarios" / "quiet.yaml",
                port=0,
            )
        )
        try:
            stack.start(lambda _: None)
            yield stack
        finally:
            stack.stop()


def _delays(stack: Stack, count: int) -> Iterator[float]:
    """Milliseconds from each publish to the message of the stream, after some that only warm up."""
    began: dict[str, float] = {}
    ready = threading.Event()
    publisher = threading.Thread(target=_publish, args=(stack, count + WARM_UP, began, ready))
    publisher.start()
    with streaming(stack.url, site=stack.site_id) as messages:
        ready.set()
        heard = 0
        while heard < count + WARM_UP:
            person = until(messages, "event").data["row"]["person"]
            if person in began:
                heard += 1
                if heard > WARM_UP:
                    yield (time.perf_counter() - began[person]) * 1_000
    publisher.join()


def _publish(stack: Stack, count: int, began: dict[str, float], ready: threading.Event) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bench-reader")
    client.username_pw_set(FIELD_USER, stack.password_file(FIELD_USER).read_text())
    client.connect("127.0.0.1", stack.mqtt_port)
    client.loop_start()
    ready.wait(10)
    # The edge subscribes when it has come up; what was published before does not count.
    time.sleep(5)
    for number in range(count):
        card = f"card:bench-{number}"
        body = {"card": card, "t": time.time_ns() // 1_000_000, "n": 1_000_000 + number}
        began[card] = time.perf_counter()
        client.publish("patrol/cp-plaza/scan", json.dumps(body), qos=1)
        time.sleep(PAUSE_S)
    client.disconnect()
    client.loop_stop()
