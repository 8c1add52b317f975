"""Waveshare Modbus RTU Relay (D): 8 discrete inputs and 8 relays (coils), addresses 0..7 each."""

from typing_extensions import override

from firmware_sim.device import Image, Inputs, SimDevice

CHANNELS = 8


class InputModule(SimDevice):
    """A module with everything open. Inputs: `di_1`..`di_8`, and `relay_1`..`relay_8` for whoever switches them."""

    def __init__(self) -> None:
        self._inputs = {f"di_{n}": False for n in range(1, CHANNELS + 1)}
        self._relays = {f"relay_{n}": False for n in range(1, CHANNELS + 1)}
        self._image: Image | None = None

    @override
    def update(self, now: int, inputs: Inputs) -> Image:
        for name, value in inputs.items():
            bank = self._inputs if name in self._inputs else self._relays
            if name not in bank:
                raise KeyError(name)
            bank[name] = bool(value)
        if inputs or self._image is None:
            self._image = Image(
                discrete_inputs=dict(enumerate(self._inputs.values())),
                coils=dict(enumerate(self._relays.values())),
            )
        return self._image
