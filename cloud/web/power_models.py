"""Generators, and the limits that rules set for what is measured."""

from pydantic import Field

from cloud.web.models import Model, Ms, Words


class RunView(Model):
    """A run: no_load, on_load, outage or invalid, and why; `end` null while it goes on."""

    start: Ms
    end: int | None = Field(examples=[1_764_547_800_000])
    kind: str = Field(examples=["no_load"])
    why: str = Field(examples=["too_short"])


class QuotaView(Model):
    """Runs that were promised for `[since, until)`, and those that count so far."""

    rule: str = Field(examples=["GE-1"])
    name: Words
    since: Ms
    until: Ms
    outcome: str = Field(examples=["pending"])
    wanted: int = Field(examples=[2])
    done: int = Field(examples=[1])
    counted: list[int] = Field(examples=[[1_764_547_200_000]])


class TransferView(Model):
    """The mains were lost at `at`; the load was carried `took_ms` later, null where that is not known."""

    rule: str = Field(examples=["GE-3"])
    name: Words
    at: Ms
    limit_ms: int = Field(examples=[10_000])
    took_ms: int | None = Field(examples=[7_200])
    outcome: str = Field(examples=["met"])


class GeneratorView(Model):
    """A generator as it stands."""

    device: str = Field(examples=["genset-1"])
    name: Words
    zone: str | None = Field(examples=["power"])
    state: str = Field(examples=["stopped"], description="stopped, running, on_load, fault or unknown")
    since: int | None = Field(examples=[1_764_547_200_000])
    mains: str = Field(examples=["present"], description="present, lost or unknown")
    runs: list[RunView]
    quotas: list[QuotaView]
    transfers: list[TransferView]


class LimitView(Model):
    """A rule's limit for a point of a device: what is beyond it for longer than `longer_than` is a breach."""

    device: str = Field(examples=["t-power"])
    point: str = Field(examples=["temperature"])
    rule: str = Field(examples=["TE-1"])
    name: Words
    above: float | None = Field(examples=[40.0])
    below: float | None = Field(examples=[None])
    longer_than: str = Field(examples=["10m"])
