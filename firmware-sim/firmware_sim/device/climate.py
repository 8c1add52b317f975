"""XY-MD02: temperature (signed) and humidity in tenths, input registers 1 and 2; its settings in 257..260."""

import random

from typing_extensions import override

from firmware_sim.device import Image, Inputs, SimDevice

NOISE_K = 0.06
NOISE_RH = 0.3
_SETTINGS = {257: 1, 258: 9600, 259: 0, 260: 0}
_STEP_MS = 1_000


class ClimateSensor(SimDevice):
    """A sensor whose noise depends on `seed` and the second alone, so that it is the same however often asked.

    Inputs: `temperature` in °C, `humidity` in %RH.
    """

    def __init__(self, seed: str, temperature: float = 22.0, humidity: float = 45.0) -> None:
        self._seed = seed
        self._values = {"temperature": temperature, "humidity": humidity}

    @override
    def update(self, now: int, inputs: Inputs) -> Image:
        for name, value in inputs.items():
            if name not in self._values:
                raise KeyError(name)
            self._values[name] = float(value)
        noise = random.Random(f"{self._seed}/{now // _STEP_MS}")
        temperature = self._values["temperature"] + noise.gauss(0, NOISE_K)
        humidity = min(100.0, max(0.0, self._values["humidity"] + noise.gauss(0, NOISE_RH)))
        return Image(
            input_registers={1: round(temperature * 10) & 0xFFFF, 2: round(humidity * 10)},
            holding_registers=_SETTINGS,
        )
