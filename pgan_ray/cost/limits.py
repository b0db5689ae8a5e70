"""What can never run: a network for which no worker has memory, and work that nobody lives to see the end of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from pgan_ray.cost.devices import DEVICES
from pgan_ray.cost.memory import stack_of_generators, stack_of_victims
from pgan_ray.cost.sweep import PointsOf, count, kept_size
from pgan_ray.errors import SpecError
from pgan_ray.spec import Configuration, DatasetSpec, EvaluationSpec, Sweep, TaskSpec

YEAR_S = 365.25 * 24 * 3600
USUAL_YEARS, MOST_YEARS = 100, 1_000_000
"""Of one core, by its assumed rates: the paper's own sweeps take less than a tenth of one."""
ANY_WORKER_BYTES = 1e12
"""No worker that is not known has more: the largest GPU has a fifth of it."""


class Wide(Protocol):
    """Points, or the known sizes of them."""

    @property
    def features(self) -> int:
        """Of each point."""
        ...


@dataclass(frozen=True)
class Room:
    """Bytes that one actor of each stage finds, of main memory or of a GPU, whichever it trains in."""

    trial: float = ANY_WORKER_BYTES
    evaluator: float = ANY_WORKER_BYTES


def check_room(sweep: Sweep, wide_of: Callable[[DatasetSpec, TaskSpec], Wide], room: Room, origin: str = "") -> None:
    """See that a stack of one fits into a worker, for every configuration and variant.

    ``wide_of``: the features of a data set; ``origin``: names the file in errors. Raises `SpecError`.
    """
    faults: dict[str, str] = {}  # one for each field
    for configuration in sweep.configurations:
        settings = configuration.settings
        features = wide_of(settings.dataset, settings.task).features
        for noun, most, need in _needs(configuration, features, room):
            taken = need.bytes()
            if taken > most:
                place = need.field()
                whose = "a worker here has" if most < ANY_WORKER_BYTES else "none has more than"
                got = f"one {noun} takes {size(taken)}, {whose} {size(most)}"
                faults.setdefault(place, f"{origin}{place}: must fit a worker's memory: {got}")
    if faults:
        raise SpecError(list(faults.values()))


def check_time(sweep: Sweep, points_of: PointsOf, origin: str = "", *, really_large: bool = False) -> None:
    """See that ``sweep`` comes to an end in somebody's life, by assumed rates. Raises `SpecError`."""
    cost, core = count(sweep, points_of), DEVICES["cpu"]
    years = (core.seconds(cost.stage1) + core.seconds(cost.stage2)) / YEAR_S
    most, unless = USUAL_YEARS, ", unless --yes-really-large is given"
    if really_large or years > MOST_YEARS:
        most, unless = MOST_YEARS, ""
    if years > most:
        raise SpecError(
            [
                f"{origin or sweep.name + ':'} a sweep must take at most {most:,} years of one core, by assumed rates"
                f"{unless}, got {years:,.0f}"
            ]
        )


def size(amount: float) -> str:
    """Bytes for people."""
    for name, unit in (("EB", 1e18), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if amount >= unit:
            return f"{amount / unit:,.0f} {name}" if amount >= 1000 * unit else f"{amount / unit:.3g} {name}"
    return f"{amount / 1e3:.3g} kB"


@dataclass(frozen=True)
class _Need:
    """What takes memory. ``of``: bytes, by the settings of the ``section`` called ``name``.

    ``others``: fields of other sections, and bytes with these at their least.
    """

    name: str
    section: Any
    of: Callable[[Any], int]
    others: tuple[tuple[str, int], ...] = ()

    def bytes(self) -> int:
        """As things stand."""
        return self.of(self.section)

    def field(self) -> str:
        """The field without which the least would be taken."""
        least = [(self.of(smaller), f"{self.name}.{path}") for path, smaller in _shrunk(self.section)]
        return min([*least, *((taken, path) for path, taken in self.others)], key=lambda pair: pair[0])[1]


def _needs(configuration: Configuration, features: int, room: Room) -> Iterator[tuple[str, float, _Need]]:
    settings = configuration.settings
    attack, task = settings.attack, settings.task
    if attack.is_trained:
        poison = max(variant.evaluation.poison_set_size for variant in configuration.variants)
        classes = len(task.surrogate.classes)
        others = (("evaluation.poison_set_size", stack_of_generators(attack, features, classes, 1, 1)),)
        need = _Need("attack", attack, lambda of: stack_of_generators(of, features, classes, 1, poison), others)
        yield "generator", room.trial, need

    def victims(evaluation: EvaluationSpec) -> int:
        kept = kept_size(evaluation, len(task.classes), max(evaluation.poison_fractions))
        return stack_of_victims(evaluation, features, len(task.classes), 1, kept)

    for variant in configuration.variants:
        yield "victim", room.evaluator, _Need("evaluation", variant.evaluation, victims)


def _shrunk(part: Any) -> Iterator[tuple[str, Any]]:
    """``part`` of the schema with one of its amounts at its least, for each: (dotted path, part)."""
    for name in type(part).model_fields:
        value = getattr(part, name)
        if hasattr(value, "model_copy"):
            for path, inner in _shrunk(value):
                yield f"{name}.{path}", part.model_copy(update={name: inner})
        elif isinstance(value, list) and all(isinstance(item, int) for item in value):
            yield name, part.model_copy(update={name: [1] * len(value)})
        elif isinstance(value, int) and not isinstance(value, bool):
            yield name, part.model_copy(update={name: min(1, value)})
