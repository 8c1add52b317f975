"""The simulated device for a device of a site, by its profile."""

from collections.abc import Mapping

from contract.profile.model import (
    HttpProfile,
    MeterProfile,
    ModbusProfile,
    MqttProfile,
    Profile,
    TransmitterProfile,
)
from contract.site import Device, Site
from firmware_sim.device import SimDevice
from firmware_sim.device.climate import ClimateSensor
from firmware_sim.device.controllers import VIEWS, SetController
from firmware_sim.device.dse7320 import GeneratorController
from firmware_sim.device.inputs8 import InputModule
from firmware_sim.device.meter import Meter
from firmware_sim.device.notifier import FirePanel
from firmware_sim.device.profiled import ProfiledDevice
from firmware_sim.device.publisher import Publisher
from firmware_sim.device.transmitter import FireTransmitter


def build(device: Device, profile: ModbusProfile) -> SimDevice:
    """The simulated device; a fire panel has the points that the site binds.

    Raises:
        KeyError: The site binds a point that the device can't have.
    """
    match profile.profile:
        case "notifier-modbus-gw":
            return _fire_panel(device)
        case "dse-7320-mkii":
            return GeneratorController()
        case "xy-md02":
            return ClimateSensor(device.id)
        case "waveshare-relay-d":
            return InputModule()
        case name if name in VIEWS:
            return SetController(profile, device)
        case _:
            return ProfiledDevice(profile, device)


Played = SimDevice | Publisher | FireTransmitter | Meter


def played(device: Device, profiles: Mapping[str, Profile], site: Site) -> Played | None:
    """What plays a device of any protocol; None for one that only takes what people bring it."""
    match profiles.get(device.profile or ""):
        case ModbusProfile() as profile:
            return build(device, profile)
        case MqttProfile() | HttpProfile() as profile:
            return Publisher(profile, device.address or device.id)
        case MeterProfile() as profile:
            return Meter(profile, device.address or "")
        case TransmitterProfile():
            return FireTransmitter(bytes(6), site.timezone)
        case _:
            return None


def unit_of(device: Device, profile: ModbusProfile) -> int:
    """The Modbus unit id that a device answers to."""
    return profile.unit if device.unit is None else device.unit


def _fire_panel(device: Device) -> FirePanel:
    points = [name for name in device.points if name != "panel_status"]
    loops = max((int(name[1:-4]) for name in points), default=1)
    return FirePanel(points, loops)
