"""What there is to simulate: one row block of a table each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from experiments.tracking import residual, two_link, vehicle
from experiments.tracking.settings import CODE, LAWS, PAPER, Law
from experiments.tracking.study import Loop

SIZES = ((3, 3), (4, 3), (4, 4), (5, 5), (5, 10), (10, 10))
SETTINGS = {setting.name: setting for setting in (PAPER, CODE)}


@dataclass(frozen=True)
class Case:
    """A closed loop with its place in the published tables.

    `make(t1)` gives the loop; `tables`: the published tables it stands beside.
    """

    system: str
    setting: str
    controller: str
    layers: int
    neurons: int
    t1: float
    make: Callable[[float], Loop]

    @property
    def name(self) -> str:
        size = f"_{self.layers}x{self.neurons}" if self.layers else ""
        return f"{self.system}_{self.setting}_{self.controller}{size}".replace(" ", "_")

    def places(self) -> list[tuple[str, str, int, int]]:
        """(table, controller, layers, neurons) of published values."""
        if self.system == "uuv":
            return [("III", self.controller, self.layers, self.neurons)]
        if self.system != "two_link":
            return []
        own = [("II", self.controller, self.layers, self.neurons)] if self.layers else []
        if self.layers in (0, 5) and self.neurons in (0, 5):
            own.append(("I", self.controller, 0, 0))
        return own


def two_link_cases(sizes: tuple[tuple[int, int], ...], laws: tuple[Law, ...]) -> list[Case]:
    """Learning controllers of these sizes, in both settings."""

    def case(name: str, layers: int, neurons: int, law: Law) -> Case:
        setting = SETTINGS[name]

        def make(t1: float) -> Loop:
            return two_link.loop(setting, setting.controller(layers, neurons, law), t1)

        return Case("two_link", name, law, layers, neurons, two_link.T1, make)

    return [case(name, *size, law) for size in sizes for name in SETTINGS for law in laws]


def two_link_baselines() -> list[Case]:
    """Table I's other controllers, in both settings."""

    def case(name: str, baseline: str) -> Case:
        setting = SETTINGS[name]

        def make(t1: float) -> Loop:
            return two_link.loop(setting, two_link.baseline(setting, baseline), t1)

        return Case("two_link", name, baseline, 0, 0, two_link.T1, make)

    return [case(name, baseline) for name in SETTINGS for baseline in two_link.BASELINES]


def vehicle_cases() -> list[Case]:
    """Table III, in the paper's setting: the published code has errors of sign and frame."""

    def learning(law: Law) -> Case:
        return Case(
            "uuv", "paper", law, 5, 5, vehicle.T1,
            lambda t1: vehicle.loop(vehicle.learning(law), t1),
        )  # fmt: skip

    def baseline(name: str) -> Case:
        return Case(
            "uuv", "paper", name, 0, 0, vehicle.T1,
            lambda t1: vehicle.loop(vehicle.baseline(name), t1),
        )  # fmt: skip

    return [*map(learning, LAWS), *map(baseline, two_link.BASELINES)]


def residual_cases() -> list[Case]:
    """The ResNet paper's comparison, and the same with a smaller gain or faster sampling."""

    def case(network: str, setting: str) -> Case:
        return Case(
            "resnet", setting, network, 0, 0, residual.T1,
            lambda t1: residual.loop(network, setting, t1),
        )  # fmt: skip

    return [case(network, name) for network in residual.NETWORKS for name in residual.SETTINGS]
