"""The other simulated Modbus devices, and what a line makes of their images."""

import random

import pytest

from contract.site import Binding, Device
from firmware_sim.adapters.faults import Fault, FaultKind, reply_of
from firmware_sim.adapters.modbus_frames import Asked, RtuFraming, TcpFraming, answer
from firmware_sim.device import Image
from firmware_sim.device.climate import ClimateSensor
from firmware_sim.device.inputs8 import InputModule
from firmware_sim.device.notifier import FirePanel, point_address
from tests.bus import simulated, unit_of

IMAGE = Image(
    coils={0: True, 1: False},
    discrete_inputs={0: False},
    holding_registers={10: 1, 11: 2, 13: 3},
    input_registers={10: 9},
    refused={12: 12},
)


# --- devices


def test_a_panel_shows_its_points_where_the_manual_says() -> None:
    image = FirePanel(["l1d001", "l2m159"], loops=2).update(0, {"l1d001": True, "l2m159": "trouble"})
    assert image.holding_registers[0] == 0x0C10
    assert image.holding_registers[758] == 0x3400
    assert image.holding_registers[1] == 0x00FF  # not programmed
    assert 159 not in image.holding_registers  # between two blocks
    assert 800 not in image.holding_registers  # loop 3


def test_a_reset_point_is_normal_again() -> None:
    panel = FirePanel(["l1d001"])
    panel.update(0, {"l1d001": True})
    assert panel.update(1, {"l1d001": False}).holding_registers[0] == 0x1400


@pytest.mark.parametrize("name", ["l0d001", "l11d001", "l1x001", "l1d160", "l1d000", "l2d001"])
def test_a_panel_has_no_points_beyond_its_own(name: str) -> None:
    with pytest.raises(KeyError):
        FirePanel([name], loops=1)


def test_the_last_point_of_the_last_loop_is_where_the_manual_says() -> None:
    assert point_address("l10m159") == 3958


def test_a_sensor_below_zero_sends_a_signed_number() -> None:
    register = ClimateSensor("a").update(0, {"temperature": -12.5}).input_registers[1]
    assert -127 <= register - 0x10000 <= -123


def test_the_same_seed_and_second_give_the_same_noise_however_often_asked() -> None:
    often, rare = ClimateSensor("a"), ClimateSensor("a")
    for now in range(0, 10_000, 100):
        often.update(now, {})
    assert often.update(10_000, {}) == rare.update(10_000, {})
    assert rare.update(10_000, {}) != ClimateSensor("b").update(10_000, {})


def test_a_module_shows_its_inputs_and_relays() -> None:
    image = InputModule().update(0, {"di_1": True, "di_8": True, "relay_2": True})
    assert [n for n, on in image.discrete_inputs.items() if on] == [0, 7]
    assert [n for n, on in image.coils.items() if on] == [1]


@pytest.mark.parametrize("device", [FirePanel([]), ClimateSensor("a"), InputModule()])
def test_an_input_that_a_device_does_not_have_is_refused(
    device: FirePanel | ClimateSensor | InputModule,
) -> None:
    with pytest.raises(KeyError):
        device.update(0, {"nothing": True})


def test_each_profile_on_a_site_has_its_device() -> None:
    panel = Device(id="p", profile="notifier-modbus-gw", points={"l3m002": Binding()})
    assert 1001 in simulated(panel).update(0, {}).holding_registers
    assert unit_of(Device(id="g", profile="dse-7320-mkii")) == 10
    assert unit_of(Device(id="g", profile="dse-7320-mkii", unit=4)) == 4


# --- what a master reads


@pytest.mark.parametrize(
    ("function", "address", "count", "code"),
    [
        (3, 10, 3, 12),  # a reserved one among them
        (3, 13, 2, 2),  # one that is not there
        (4, 11, 1, 2),
        (1, 1, 2, 2),
        (3, 10, 0, 3),
        (3, 10, 126, 3),
        (5, 0, 0, 1),
        (6, 0, 0, 1),
        (16, 0, 0, 1),
        (43, 0, 0, 1),
    ],
)
def test_what_can_not_be_read_is_refused_with_the_code_of_the_specification(
    function: int, address: int, count: int, code: int
) -> None:
    assert answer(Asked(1, 0, function, address, count), IMAGE).exception_code == code


def test_what_is_there_is_read() -> None:
    assert list(answer(Asked(1, 0, 3, 10, 2), IMAGE).registers) == [1, 2]
    assert list(answer(Asked(1, 0, 4, 10, 1), IMAGE).registers) == [9]
    assert list(answer(Asked(1, 0, 1, 0, 2), IMAGE).bits) == [True, False]


READ = bytes.fromhex("0103000a0002e409")


def test_requests_are_cut_from_a_stream() -> None:
    framing = RtuFraming()
    assert framing.feed(b"\xff\x00" + READ[:3]) == []
    assert framing.feed(READ[3:] + READ) == [Asked(1, 0, 3, 10, 2)] * 2
    tcp = TcpFraming()
    frame = bytes.fromhex("000700000006") + READ[:-2]
    assert tcp.feed(frame[:5]) == []
    assert tcp.feed(frame[5:] + frame) == [Asked(1, 7, 3, 10, 2)] * 2


@pytest.mark.parametrize("framing", [RtuFraming(), TcpFraming()])
def test_a_wrong_reply_is_wrong_in_the_way_that_was_asked_for(framing: RtuFraming | TcpFraming) -> None:
    asked = Asked(1, 7, 3, 10, 2)

    def sent(kind: FaultKind) -> bytes | None:
        reply = reply_of(asked, IMAGE, Fault(kind=kind), framing, random.Random(1))
        return None if reply is None else reply.data

    right = framing.frame(answer(asked, IMAGE))
    assert sent(FaultKind.SILENCE) is None
    assert sent(FaultKind.LATE) == right
    for kind in (FaultKind.WRONG_UNIT, FaultKind.BAD_CRC, FaultKind.EXCEPTION, FaultKind.GARBAGE):
        assert sent(kind) not in {None, right}
    exception = sent(FaultKind.EXCEPTION)
    assert exception is not None
    assert b"\x83\x04" in exception


def test_a_share_of_the_replies_is_wrong() -> None:
    asked, fault, chance = Asked(1, 0, 3, 10, 2), Fault(kind=FaultKind.SILENCE, share=0.25), random.Random(3)
    silent = sum(reply_of(asked, IMAGE, fault, RtuFraming(), chance) is None for _ in range(1_000))
    assert 200 < silent < 300


def test_a_silent_image_answers_nothing() -> None:
    assert reply_of(Asked(1, 0, 3, 10, 1), Image(silent=True), None, RtuFraming(), random.Random(1)) is None
