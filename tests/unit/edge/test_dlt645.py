"""Meters by DL/T 645-2007: frames as captured, digits and signs, and a meter on a real serial line."""

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.profile.load import load_profile
from contract.profile.meter import meter_map
from contract.profile.model import Block, Item, MeterProfile
from contract.site import Device
from edge.decode.values import read_value
from edge.dlt645.frame import Frame, FrameReader, ask, encode
from edge.dlt645.values import words_of
from edge.drivers.dlt645 import meter_driver, parse_meter_line
from edge.errors import SettingsError
from edge.ports import Failed, Happened, Measured
from firmware_sim.adapters.serial_port import SerialPort
from firmware_sim.device.meter import Meter
from tests.bus import PROFILES
from tests.lines import Notebook

METER = "000000000161"


def shipped() -> MeterProfile:
    profile = load_profile(PROFILES / "dlt645-2007.yaml")
    assert isinstance(profile, MeterProfile)
    return profile


# --- frames, from a published capture


@pytest.mark.parametrize(
    ("identifier", "sent"),
    [
        ("00010000", "68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16"),
        ("02010100", "68 61 01 00 00 00 00 68 11 04 33 34 34 35 17 16"),
        ("02020100", "68 61 01 00 00 00 00 68 11 04 33 34 35 35 18 16"),
    ],
)
def test_a_read_is_the_captured_frame(identifier: str, sent: str) -> None:
    assert encode(ask(METER, identifier)) == bytes.fromhex(sent)


@pytest.mark.parametrize(
    ("came", "identifier", "item", "value"),
    [
        ("68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16", "00010000", Item(name="e", size=4, scale=0.01), 0.26),
        ("FE FE 68 61 01 00 00 00 00 68 91 06 33 34 34 35 34 43 10 16", "02010100", Item(name="u", size=2, scale=0.1), 100.1),
    ],
)  # fmt: skip
def test_a_captured_answer_reads_as_its_source_says(
    came: str, identifier: str, item: Item, value: float
) -> None:
    (frame,) = FrameReader().feed(bytes.fromhex(came))
    assert (frame.address, frame.control, frame.identifier) == (METER, 0x91, identifier)
    profile = MeterProfile(profile="m", blocks=(Block(id=identifier, points=(item,)),))
    (point,) = meter_map(profile, Device(id="d"), 0).points
    assert read_value(point, words_of(profile.blocks[0], frame.data[4:])).number == value


@given(
    noise=st.binary(max_size=20),
    data=st.binary(max_size=60),
    address=st.from_regex(r"[0-9]{12}", fullmatch=True),
    cuts=st.integers(1, 9),
)
def test_a_frame_is_found_however_it_comes(noise: bytes, data: bytes, address: str, cuts: int) -> None:
    frame = Frame(address, 0x91, data)
    stream = noise.replace(b"\x68", b"") + encode(frame)
    reader = FrameReader()
    pieces = [stream[at : at + cuts] for at in range(0, len(stream), cuts)]
    assert [one for piece in pieces for one in reader.feed(piece)] == [frame]


@given(at=st.integers(0, 19), bit=st.integers(0, 7))
def test_a_frame_with_one_wrong_bit_is_none(at: int, bit: int) -> None:
    raw = bytearray.fromhex("68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16")
    raw[at] ^= 1 << bit
    assert FrameReader().feed(bytes(raw)) == []


# --- values


@given(
    item=st.builds(
        Item,
        name=st.just("v"),
        at=st.integers(0, 6),
        size=st.integers(1, 6),
        signed=st.booleans(),
        scale=st.sampled_from([1.0, 0.1, 0.01, 0.001, 0.0001]),
    ),
    digits=st.integers(-799_999, 799_999),
)
def test_what_a_meter_is_given_is_read_back(item: Item, digits: int) -> None:
    profile = MeterProfile(profile="m", blocks=(Block(id="02010100", points=(item,)),))
    value = float(f"{digits * item.scale:.12g}")
    meter = Meter(profile, METER)
    try:
        meter.update(0, {"v": value})
    except ValueError:
        return  # it does not go in there
    (frame,) = FrameReader().feed(meter.hears(encode(ask(METER, "02010100"))))
    (point,) = meter_map(profile, Device(id="d"), 0).points
    assert read_value(point, words_of(profile.blocks[0], frame.data[4:])).number == pytest.approx(value)


@pytest.mark.parametrize(
    ("data", "cause"), [("1A 23", "not_a_number"), ("FF FF", "unimplemented"), ("01", "not_a_number")]
)
def test_digits_that_are_none_are_bad_with_their_reason(data: str, cause: str) -> None:
    profile = MeterProfile(profile="m", blocks=(Block(id="02010100", points=(Item(name="u", size=2),)),))
    (point,) = meter_map(profile, Device(id="d"), 0).points
    value = read_value(point, words_of(profile.blocks[0], bytes.fromhex(data)))
    assert (value.number, value.cause) == (None, cause)


# --- on a line


async def test_two_meters_on_one_line_are_read_and_the_one_that_falls_silent_is_told() -> None:
    profile = shipped()
    first, second = Meter(profile, METER), Meter(profile, "000000000162")
    first.update(
        0, {"voltage_l1": 230.4, "current_l1": -1.234, "energy_import": 12_345.67, "voltage_l2": "missing"}
    )
    second.update(0, {"voltage_l1": 229.9, "online": False})
    port = SerialPort(lambda data: first.hears(data) + second.hears(data))
    devices = [
        (Device(id="m1", address=METER, ratios={"ct": 40}), profile),
        (Device(id="m2", address="162"), profile),
    ]
    notebook = Notebook()
    reading = asyncio.create_task(
        meter_driver("meters", f"dlt645://{port.path}?parity=N", devices).run(notebook)
    )
    try:
        await notebook.until(
            lambda seen: any(isinstance(one, Failed) and one.devices == ("m2",) for one in seen)
        )
        await notebook.until(lambda seen: any(getattr(one, "point", "") == "energy_import" for one in seen))
        second.update(0, {"online": True})
        await notebook.until(lambda seen: any(getattr(one, "device", "") == "m2" for one in seen))
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        port.close()
    told = {(one.device, one.point): one.value for one in notebook.seen if isinstance(one, Measured)}
    assert (told["m1", "voltage_l1"], told["m1", "current_l1"]) == (230.4, -49.36)
    assert (told["m1", "energy_import"], told["m2", "voltage_l1"]) == (493_826.8, 229.9)
    assert ("m1", "voltage_l2") not in told
    assert not [one for one in notebook.seen if isinstance(one, Happened)]


@pytest.mark.parametrize("url", ["dlt645://", "dlt645-tcp://host", "dlt645-tcp://host:70000", "dlt645:///dev/x?baudrate=fast"])  # fmt: skip
def test_a_line_that_can_not_be_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        parse_meter_line(url)


def test_a_meters_line_is_slow_and_even_by_default() -> None:
    line = parse_meter_line("dlt645:///dev/ttyUSB0")
    assert (line.baudrate, line.parity) == (2_400, "E")
