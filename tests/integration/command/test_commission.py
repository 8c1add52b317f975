"""What an engineer looks at on site: a device read by hand, who answers on a bus, how busy a line is."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contract.profile.model import Identity
from contract.site import Device
from contract.site_files import load_site, shipped_config
from edge.busload import Wire, request_ms
from edge.commission import differs
from edge.plan import Request
from firmware_sim.adapters.modbus import Unit
from sitewarden.edge_cli import app
from tests.bus import simulated
from tests.lines import served

SITE = """
site: here
language: en
zones: [{id: lobby}]
devices:
  - {id: climate, zone: lobby, profile: xy-md02, line: bus, unit: 3}
  - id: inputs
    zone: lobby
    profile: waveshare-relay-d
    line: bus
    unit: 7
    points: {di_1: {shortest: 200ms}, di_2: {shortest: 2s}}
  - {id: set-new, zone: lobby, profile: dse-7320-mkii, line: bus, unit: 10}
  - {id: set-old, zone: lobby, profile: dse-73xx-mk1, line: bus, unit: 11}
agents:
  - {id: gw-1, lines: [{id: bus, endpoint: "modbus-rtu:///dev/ttyUSB9?baudrate=9600&parity=E"}]}
"""


@pytest.fixture
def site(tmp_path: Path) -> str:
    folder = tmp_path / "config" / "sites" / "here"
    folder.mkdir(parents=True)
    (folder / "site.yaml").write_text(SITE)
    (tmp_path / "config" / "profiles").symlink_to(shipped_config() / "profiles")
    return str(folder)


def climate(temperature: float) -> Unit:
    device = Device(id="climate", profile="xy-md02", unit=3)
    return Unit(simulated(device).update(0, {"temperature": temperature, "humidity": 61.0}))


async def typed(*arguments: str) -> tuple[int, str, str]:
    """The command's status, and what it said."""
    done = await asyncio.to_thread(CliRunner().invoke, app, list(arguments))
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("kind", ["modbus-tcp", "modbus-rtu"])
async def test_a_device_is_read_by_hand(site: str, kind: str) -> None:
    async with served({3: climate(-7.0)}, kind) as (_, endpoint):
        status, said, _ = await typed("probe", site, "climate", "--endpoint", endpoint, "--json")
    points = {one["name"]: one for one in json.loads(said)}
    assert status == 0
    assert -8 < points["temperature"]["value"] < -6
    assert points["temperature"]["raw"] > 0x8000
    assert points["humidity"]["unit"] == "%RH"


async def test_a_device_that_says_to_be_another_is_told_of(site: str) -> None:
    device = Device(id="g", profile="dse-7320-mkii")
    unit = Unit(simulated(device).update(0, {}))
    async with served({10: unit, 11: unit}, "modbus-tcp") as (_, endpoint):
        _, _, right = await typed("probe", site, "set-new", "--endpoint", endpoint, "--once")
        _, _, wrong = await typed("probe", site, "set-old", "--endpoint", endpoint, "--once")
    assert right == ""
    assert "than dse-73xx-mk1 says: model_number: expected 7320, found 32841" in wrong


@pytest.mark.parametrize(
    ("words", "says"), [((0x534F, 0x434F), ""), ((0x53, 0x4F, 0x43, 0x4F), ""), ((0, 7), "expected SOCO")]
)
def test_a_text_is_read_with_one_or_two_letters_to_a_register(words: tuple[int, ...], says: str) -> None:
    found = differs(Identity(name="magic", address=0, count=len(words), text="SOCO"), words)
    assert says in found if says else found == ""


async def test_a_device_that_is_not_there_is_said_with_what_to_look_at(site: str) -> None:
    async with served({4: climate(20.0)}, "modbus-tcp") as (_, endpoint):
        status, said, hint = await typed("probe", site, "climate", "--endpoint", endpoint, "--once")
    assert status == 1
    assert "no answer" in said
    assert "A and B" in hint


@pytest.mark.parametrize("kind", ["modbus-tcp", "modbus-rtu"])
async def test_a_scan_finds_who_answers(kind: str) -> None:
    async with served({3: climate(20.0), 5: climate(21.0)}, kind) as (_, endpoint):
        status, said, _ = await typed("scan", endpoint, "--first", "2", "--last", "6", "--timeout-ms", "50")
    assert status == 0
    assert [line.split(":")[0] for line in said.splitlines()] == ["unit 3", "unit 5"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("probe", "{site}", "climat"), "site here has no device 'climat'"),
        (("scan", "tcp://1.2.3.4"), "expected a line such as modbus-tcp://"),
        (("scan", "modbus-rtu:///dev/ttyUSB9"), "/dev/ttyUSB9"),
        (("probe", "{site}", "climate"), "the line can't be opened"),
    ],
)
async def test_a_mistake_is_said_in_the_words_of_the_one_who_made_it(
    site: str, arguments: tuple[str, ...], message: str
) -> None:
    status, _, said = await typed(*(part.format(site=site) for part in arguments))
    assert status == 2
    assert message in said


async def test_the_load_of_a_serial_line_is_worked_out(site: str) -> None:
    status, said, _ = await typed("check", site)
    assert status == 0
    assert "4:1+2" in said
    assert "of the line's time at 9600 baud" in said


async def test_what_is_shorter_than_the_poll_is_said_not_to_be_guaranteed(site: str) -> None:
    _, said, _ = await typed("check", site)
    assert "not guaranteed: inputs di_1 may last 200 ms only, and is read every 500 ms" in said
    assert "di_2" not in said


def test_a_read_of_two_registers_at_9600_8n1_takes_its_time_on_the_wire() -> None:
    request = Request(function=4, address=1, count=2, poll="normal", optional=False, points=())
    # 8 bytes there and 9 back of 10 bits, 77 bits of silence, 10 ms of thinking
    assert request_ms(request, Wire(baudrate=9_600)) == pytest.approx((170 + 77) / 9.6 + 10)


# --- parts

PANEL = """
site: here
language: en
zones: [{id: lobby, name: {zh: 大堂, en: Lobby}}]
devices:
  - {id: panel, zone: lobby, profile: gb26875-transmitter, line: fire, address: "010203040506", parts: {file: parts.csv}}
agents:
  - {id: gw-1, lines: [{id: fire, endpoint: "gb26875://127.0.0.1:5200"}]}
"""
EXPORT = "某小区消防主机\n回路号,地址,安装位置,区域\n3,12,大堂烟感,大堂\n3,x,坏行,\n"


@pytest.fixture
def panel(site: str) -> Path:
    (Path(site) / "site.yaml").write_text(PANEL, "utf-8")
    (Path(site) / "export.csv").write_bytes(EXPORT.encode("gbk"))
    return Path(site)


async def test_an_export_becomes_the_list_that_the_site_s_files_name(panel: Path) -> None:
    made = panel / "parts.csv"
    words = (
        "import-parts",
        str(panel / "export.csv"),
        "--device",
        "panel",
        "--site",
        str(panel),
        "--out",
        str(made),
    )
    status, _, said = await typed(*words)
    assert status == 0, said
    assert "export.csv:1: not taken: stands before the names of the columns" in said
    assert "export.csv:4: not taken: 'x' is no address" in said
    bound = load_site(panel).parts["panel"].find("3-12")
    assert bound is not None
    assert (bound.zone, bound.zh) == ("lobby", "大堂烟感")
    before = made.read_bytes()
    status, _, said = await typed(*words)
    assert status != 0
    assert "is there already" in said
    assert made.read_bytes() == before


@pytest.mark.parametrize(
    ("device", "body", "said"),
    [
        ("panle", EXPORT, "site here has no device 'panle'"),
        ("panel", "a,b\n1,2\n", "has no column that says which part a row is"),
        ("panel", "回路,地址\n,\nx,y\n", "no row was taken"),
    ],
)
async def test_an_export_that_says_nothing_makes_no_list(
    panel: Path, device: str, body: str, said: str
) -> None:
    (panel / "export.csv").write_text(body, "utf-8")
    out = panel / "parts.csv"
    words = (str(panel / "export.csv"), "--device", device, "--site", str(panel), "--out", str(out))
    status, _, told = await typed("import-parts", *words)
    assert (status, out.exists()) == (2, False)
    assert said in told


async def test_a_list_that_can_not_be_written_is_told_in_a_sentence(panel: Path) -> None:
    out = panel / "no-folder" / "parts.csv"
    words = (str(panel / "export.csv"), "--device", "panel", "--site", str(panel), "--out", str(out))
    status, _, told = await typed("import-parts", *words)
    assert status == 2
    assert f"{out} can't be written: No such file or directory" in told.replace("\n", "")
