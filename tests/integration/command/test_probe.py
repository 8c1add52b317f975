"""`sitewarden edge probe` with real devices: read, listened to over a real broker, and called by those that post."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from contract.profile.load import load_profile
from contract.profile.model import HttpProfile, MeterProfile, MqttProfile
from contract.site import Device
from contract.site_files import shipped_config
from firmware_sim.adapters.callers import Poster
from firmware_sim.adapters.modbus import Unit
from firmware_sim.adapters.serial_port import SerialPort
from firmware_sim.device.meter import Meter
from firmware_sim.device.publisher import Message, Publisher
from sitewarden.edge_cli import app
from sitewarden.embedded.ports import free_port
from tests.bus import simulated
from tests.edge_harness import Broker
from tests.lines import registers, served
from tests.waiting import PATIENCE_S

NOW = 1_796_000_000_000
SITE = """
site: here
language: en
zones: [{{id: lobby}}, {{id: roof}}]
people: [{{id: p-1, cards: ["0012345678"]}}]
devices:
  - {{id: contact, zone: lobby, profile: zigbee2mqtt-contact, line: air, address: front}}
  - {{id: counter, zone: lobby, profile: milesight-vs350, line: air, address: 24e124141e123456}}
  - {{id: reader, zone: lobby, profile: patrol-reader, line: air, address: lobby}}
  - {{id: terminal, zone: lobby, profile: zkteco-push, line: posts, address: SN1}}
  - {{id: kwh, zone: lobby, profile: dlt645-2007, line: meters, address: "161", ratios: {{ct: 40}}}}
  - {{id: panel, zone: lobby, profile: notifier-modbus-gw, line: bus, unit: 1, points: {{l1d001: {{zone: roof}}}}}}
  - {{id: meter, zone: lobby, profile: eastron-sdm630, line: bus, unit: 2}}
  - {{id: log, zone: lobby, profile: generator-log, line: inbox}}
  - {{id: sender, zone: lobby, profile: gb26875-transmitter, line: fire, address: "010203040506"}}
agents:
  - id: gw-1
    lines:
      - {{id: air, endpoint: "mqtt://127.0.0.1:{mqtt}"}}
      - {{id: posts, endpoint: "http://127.0.0.1:{http}"}}
      - {{id: meters, endpoint: "dlt645:///dev/ttyUSB9"}}
      - {{id: bus, endpoint: "modbus-rtu:///dev/ttyUSB8?baudrate=9600"}}
      - {{id: inbox, endpoint: "csv:///var/lib/sitewarden/inbox"}}
      - {{id: fire, endpoint: "gb26875://127.0.0.1:5200"}}
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = Broker(folder, free_port())
    broker.start()
    yield broker
    broker.stop()


def site_at(tmp_path: Path, *, mqtt: int = 1_883, http: int = 8_081) -> str:
    folder = tmp_path / "config" / "sites" / "here"
    folder.mkdir(parents=True)
    (folder / "site.yaml").write_text(SITE.format(mqtt=mqtt, http=http))
    return str(folder)


async def probed(site: str, device: str, *options: str) -> tuple[int, str, str]:
    """The command's status, and what it said."""
    done = await asyncio.to_thread(CliRunner().invoke, app, ["probe", site, device, *options])
    return done.exit_code, done.stdout, done.stderr


def kept(broker: Broker, messages: list[Message]) -> None:
    """Leave messages with the broker, for who comes later."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="devices")
    client.connect("127.0.0.1", broker.mqtt_port)
    client.loop_start()
    for one in messages:
        client.publish(one.topic, one.payload, 1, retain=True).wait_for_publish(PATIENCE_S)
    client.disconnect()
    client.loop_stop()


def played(profile: str, address: str, inputs: Mapping[str, Any]) -> list[Message]:
    """What the simulated device of a profile publishes."""
    found = load_profile(shipped_config() / "profiles" / f"{profile}.yaml")
    assert isinstance(found, MqttProfile | HttpProfile)
    return Publisher(found, address).update(NOW, inputs)


# --- devices that publish


async def test_a_message_is_shown_with_what_each_rule_takes_and_what_comes_out(
    broker: Broker, tmp_path: Path
) -> None:
    (message,) = played("zigbee2mqtt-contact", "front", {"contact": False, "battery_level": 88})
    more = json.loads(message.payload) | {"temperature": "warm", "device": {"model": "MCCGQ11LM"}}
    kept(broker, [Message(message.topic, json.dumps(more).encode())])
    site = site_at(tmp_path, mqtt=broker.mqtt_port)
    status, said, _ = await probed(site, "contact", "--once", "--wait", "20")
    assert status == 0
    lines = [line.strip() for line in said.splitlines()]
    assert lines[0].endswith("zigbee2mqtt/front  (retained: kept by the broker, nobody knows since when)")
    assert "contact: 0: open (door.opened) (contact = false)" in lines
    assert "battery_level: 88 % (battery = 88)" in lines
    assert "temperature: temperature: expected a number, found 'warm' (temperature = \"warm\")" in lines
    assert "battery_voltage: not in this message (voltage)" in lines
    assert "nothing takes: device.model" in lines
    assert "comes out: door.opened of contact in lobby, point contact, initial True, part contact" in lines
    assert "comes out: battery_level of contact is 88" in lines


async def test_bytes_are_shown_item_by_item_with_all_their_digits(broker: Broker, tmp_path: Path) -> None:
    values = {"people_in": 65_535, "people_out": 7}
    kept(broker, played("milesight-vs350", "24e124141e123456", values))
    site = site_at(tmp_path, mqtt=broker.mqtt_port)
    status, said, _ = await probed(site, "counter", "--json", "--wait", "20")
    (message,) = [one for one in json.loads(said) if one["rules"]]
    takes = {one["name"]: one for rule in message["rules"] for one in rule["takes"]}
    assert status == 0
    assert takes["people_in"]["value"] == 65_535
    assert takes["people_in"]["path"].startswith("item ")
    assert {one["point"]: one["value"] for one in message["readings"]}["people_in"] == 65_535


async def test_what_can_not_be_read_is_said_with_its_reason(broker: Broker, tmp_path: Path) -> None:
    kept(broker, [Message("patrol/lobby/scan", b'{"card": "0012345678", "t": 1}')])
    site = site_at(tmp_path, mqtt=broker.mqtt_port)
    status, said, _ = await probed(site, "reader", "--once", "--wait", "20")
    assert status == 0
    assert "topics[0] (checkpoint.scan): not understood: n is missing" in said


async def test_who_is_not_heard_is_told_of_with_what_to_check_and_who_is_near(
    broker: Broker, tmp_path: Path
) -> None:
    kept(broker, played("zigbee2mqtt-contact", "frnt", {"contact": False}))
    kept(broker, [Message("other/things", b"1")])
    site = site_at(tmp_path, mqtt=broker.mqtt_port)
    status, said, hint = await probed(site, "contact", "--once", "--wait", "1")
    assert (status, said) == (1, "")
    assert "nothing was heard of contact in" in hint
    assert "zigbee2mqtt/front (topics[0]: values contact, battery_level" in hint
    assert "no device of address 'front'; did you mean 'frnt'?" in hint
    assert "meanwhile the broker gave zigbee2mqtt/frnt, other/things" in hint
    assert "one with a battery speaks only when something happens" in hint


async def test_a_broker_that_is_not_there_is_said(tmp_path: Path) -> None:
    site = site_at(tmp_path, mqtt=free_port())
    status, _, said = await probed(
        site, "contact", "--once", "--endpoint", f"mqtt://u:secret@127.0.0.1:{free_port()}"
    )
    assert status == 2
    assert "is the broker running there" in said
    assert "secret" not in said


# --- devices that post


@contextlib.asynccontextmanager
async def posting(port: int, messages: list[Message]) -> AsyncIterator[None]:
    poster = Poster(f"http://127.0.0.1:{port}")
    poster.send(messages)
    task = asyncio.create_task(poster.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_terminal_that_posts_is_shown_and_keeps_its_events_for_the_agent(tmp_path: Path) -> None:
    port = free_port()
    site = site_at(tmp_path, http=port)
    events = played("zkteco-push", "SN1", {"access.granted": "0012345678"})
    async with posting(port, events):
        await probed(site, "terminal", "--once", "--wait", "20")
        status, said, _ = await probed(site, "terminal", "--once", "--wait", "20")
    assert status == 0, "it was not posted again"
    assert "POST /iclock/cdata?SN=SN1&table=ATTLOG" in said
    assert "person: 0012345678" in said
    assert "comes out: access.granted of terminal in lobby by 0012345678 (p-1)" in said


async def test_a_call_to_another_path_and_a_port_that_is_taken_are_said(tmp_path: Path) -> None:
    port = free_port()
    site = site_at(tmp_path, http=port)
    async with posting(port, [Message("iclock/cdat?SN=SN1", b"x")]):
        status, said, hint = await probed(site, "terminal", "--once", "--wait", "3")
    assert status == 1
    assert "no rule of the profile is for it" in said
    assert "meanwhile calls came to /iclock/cdat?SN=SN1" in hint
    assert "the address of this machine and this port in the device's settings" in hint
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port)
    try:
        status, _, said = await probed(site, "terminal", "--once", "--wait", "1")
    finally:
        server.close()
    assert status == 2
    assert "if the agent does, stop it meanwhile" in said


# --- devices that are read


async def test_a_meter_is_read_by_hand_with_its_own_digits(tmp_path: Path) -> None:
    profile = load_profile(shipped_config() / "profiles" / "dlt645-2007.yaml")
    assert isinstance(profile, MeterProfile)
    meter = Meter(profile, "000000000161")
    meter.update(0, {"energy_import": 123_456.78, "current_l1": -1.234, "voltage_l2": "missing"})
    port = SerialPort(meter.hears)
    line = f"dlt645://{port.path}?parity=N"
    site = site_at(tmp_path)
    try:
        status, said, _ = await probed(site, "kwh", "--endpoint", line, "--json")
        _, table, _ = await probed(site, "kwh", "--endpoint", line, "--once")
        meter.update(0, {"online": False})
        silent, _, hint = await probed(site, "kwh", "--endpoint", line, "--once")
    finally:
        port.close()
    points = {one["name"]: one for one in json.loads(said)}
    assert status == 0
    assert (points["energy_import"]["raw"], points["energy_import"]["value"]) == (12_345_678, 4_938_271.2)
    assert (points["current_l1"]["raw"], points["current_l1"]["value"]) == (-1_234, -49.36)
    assert points["voltage_l2"]["why"] == "unimplemented"
    assert "4938271.2" in table
    assert silent == 1
    assert "is `address` the 12 digits on its plate" in hint


async def test_bits_are_named_and_those_that_nothing_reads_are_told(tmp_path: Path) -> None:
    site = site_at(tmp_path)
    profile = Path(site) / "profiles" / "pumps.yaml"
    profile.parent.mkdir()
    profile.write_text(
        "profile: pumps\nprotocol: modbus\nemits: [device.fault]\n"
        "states:\n  faults:\n"
        '    - {name: dry_run, mask: "0x4000", in: [1], on: device.fault}\n'
        '    - {name: overload, mask: "0x0001", in: [1], on: device.fault}\n'
        '    - {name: mode, mask: "0x0030", in: [2], words: {"0": off, "2": hand}, as: mode, on: device.fault}\n'
        "points:\n  - {name: word, function: 3, address: 0, states: faults, report: false}\n"
        "  - {name: total, function: 3, address: 1, type: uint48}\n"
        "  - {name: small, function: 3, address: 4, scale: 0.0000001}\n"
        "  - {name: name, function: 3, address: 5, type: text, count: 2, report: false}\n"
    )
    text = (Path(site) / "site.yaml").read_text()
    (Path(site) / "site.yaml").write_text(text.replace("profile: eastron-sdm630", "profile: pumps"))
    words = {0: 0x4220, 1: 0x1234, 2: 0x5678, 3: 0x9ABC, 4: 3, 5: 0x5055, 6: 0x4D50}
    async with served({2: registers(words)}, "modbus-tcp") as (_, endpoint):
        _, said, _ = await probed(site, "meter", "--endpoint", endpoint, "--json")
        _, table, _ = await probed(site, "meter", "--endpoint", endpoint, "--once")
    word = {one["name"]: one for one in json.loads(said)}["word"]
    assert (word["bits"], word["unread"]) == ([5, 9, 14], [9])
    assert word["word"] == "dry_run (device.fault), mode: hand (device.fault)"
    shown = table.replace("\n", "")
    assert str(0x123456789ABC) in shown
    assert "0.0000003" in shown
    assert "'PUMP'" in shown


async def test_a_scale_that_stands_in_another_register_is_applied(tmp_path: Path) -> None:
    site = site_at(tmp_path)
    text = (Path(site) / "site.yaml").read_text()
    (Path(site) / "site.yaml").write_text(
        text.replace("profile: eastron-sdm630", "profile: sunspec-meter-203")
    )
    meter = Device(id="meter", profile="sunspec-meter-203", unit=2)
    image = simulated(meter).update(0, {"voltage_l1": 2304, "voltage_exponent": -1})
    async with served({2: Unit(image)}, "modbus-tcp") as (_, endpoint):
        _, said, _ = await probed(site, "meter", "--endpoint", endpoint, "--json")
    assert {one["name"]: one["value"] for one in json.loads(said)}["voltage_l1"] == 230.4


@pytest.mark.parametrize(
    ("device", "says"),
    [
        ("log", "look at a file of it by sitewarden edge import --check"),
        ("sender", "calls the agent"),
        ("contcat", "no device 'contcat'; did you mean 'contact'?"),
    ],
)
async def test_what_can_not_be_probed_is_said_with_what_to_do(tmp_path: Path, device: str, says: str) -> None:
    status, _, said = await probed(site_at(tmp_path), device, "--once")
    assert status == 2
    assert says in said
