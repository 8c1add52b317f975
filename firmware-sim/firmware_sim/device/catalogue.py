"""The simulated device for a device of a site, by its profile."""

from contract.site import Device
from firmware_sim.device import SimDevice
from firmware_sim.device.climate import ClimateSensor
from firmware_sim.device.dse7320 import GeneratorController
from firmware_sim.device.inputs8 import InputModule
from firmware_sim.device.notifier import FirePanel

DEFAULT_UNITS = {"dse-7320-mkii": 10}
"""Factory unit ids that are not 1."""


def build(device: Device) -> SimDevice:
    """The simulated device; a fire panel has the points that the site binds.

    Raises:
        KeyError: No simulated device plays the profile, or the site binds a point that it can't have.
    """
    match device.profile:
        case "notifier-modbus-gw":
            return _fire_panel(device)
        case "dse-7320-mkii":
            return GeneratorController()
        case "xy-md02":
            return ClimateSensor(device.id)
        case "waveshare-relay-d":
            return InputModule()
        case _:
            raise KeyError(device.profile)


def unit_of(device: Device) -> int:
    """The Modbus unit id that a device answers to."""
    return DEFAULT_UNITS.get(device.profile or "", 1) if device.unit is None else device.unit


def _fire_panel(device: Device) -> FirePanel:
    points = [name for name in device.points if name != "panel_status"]
    loops = max((int(name[1:-4]) for name in points), default=1)
    return FirePanel(points, loops)
