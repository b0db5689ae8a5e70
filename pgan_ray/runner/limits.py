"""That a sweep can run at all: what every command sees to before anything starts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pgan_ray.cost import CORE, PointsOf, count, least_points
from pgan_ray.cost.sweep import generators_bytes, probe_bytes, victims_bytes
from pgan_ray.errors import SpecError
from pgan_ray.runner.asked import asked_resources
from pgan_ray.runner.machine import available_cores, faults_here, gpu_bytes_here, gpus_here, memory_for_actors
from pgan_ray.spec import Configuration, DatasetConfig, StageResources, Sweep, TaskSpec
from pgan_ray.text import bytes_text

YEAR_S = 365.25 * 24 * 3600
USUAL_YEARS, MOST_YEARS = 100, 1_000_000
"""Of one core, by its assumed rates: the paper's own sweeps take less than a tenth of one."""
ANY_WORKER_BYTES = 1e12
"""No worker that is not known has more: the largest GPU has a fifth of it."""


class Sized(Protocol):
    """A task, or the known sizes of one."""

    @property
    def features(self) -> int:
        """Of each point."""


SizedOf = Callable[[DatasetConfig, TaskSpec], Sized]


@dataclass(frozen=True)
class Room:
    """Bytes that one actor of each stage finds, of main memory or of a GPU, whichever it trains in."""

    trial: float = ANY_WORKER_BYTES
    evaluator: float = ANY_WORKER_BYTES


def check_limits(
    sweep: Sweep, origin: str, points_of: PointsOf = least_points, *, to_join: bool, really_large: bool
) -> None:
    """See that actors find room, that networks fit into a worker's memory, and that the work comes to an end.

    Raises `SpecError`.

    ``to_join``: on a cluster, whose nodes are not known yet; else on this machine. ``origin``: names the file.
    """
    if not to_join and (faults := faults_here(sweep.resources)):
        raise SpecError([f"{origin}{fault}" for fault in faults])
    check_room(sweep, points_of, Room() if to_join else room_here(sweep), origin)
    check_time(sweep, points_of, origin, really_large=really_large)


def check_time(sweep: Sweep, points_of: PointsOf, origin: str = "", *, really_large: bool = False) -> None:
    """See that ``sweep`` comes to an end in somebody's life, by assumed rates. Raises `SpecError`."""
    cost = count(sweep, points_of)
    years = (CORE.seconds(cost.stage1) + CORE.seconds(cost.stage2)) / YEAR_S
    most, unless = USUAL_YEARS, ", unless --yes-really-large is given"
    if really_large or years > MOST_YEARS:
        most, unless = MOST_YEARS, ""
    if years > most:
        raise SpecError(
            [
                f"{origin or sweep.name + ':'} a sweep must take at most {most:,} core years, at assumed speeds"
                f"{unless}, got {years:,.0f}"
            ]
        )


def check_room(sweep: Sweep, sized_of: SizedOf, room: Room, origin: str = "") -> None:
    """See that a stack of one fits into a worker, for every configuration and variant.

    ``sized_of``: the features of a data set; ``origin``: names the file in errors. Raises `SpecError`.
    """
    faults: dict[str, str] = {}  # one for each field
    for configuration in sweep.configurations:
        features = sized_of(configuration.settings.dataset, configuration.settings.task).features
        for noun, most, need in _needs(configuration, features, room):
            taken = need.of(need.part)
            if taken > most:
                place = need.field()
                whose = "a worker here has" if most < ANY_WORKER_BYTES else "no worker has more than"
                got = f"one {noun} takes {bytes_text(taken)}, {whose} {bytes_text(most)}"
                faults.setdefault(place, f"{origin}{place}: must fit a worker's memory: {got}")
    if faults:
        raise SpecError(list(faults.values()))


@dataclass(frozen=True)
class _Need:
    """What takes memory: so many bytes ``of`` a ``part`` of the sweep file, some of whose ``sections`` decide it."""

    part: Any
    of: Callable[[Any], int]
    sections: tuple[str, ...]

    def field(self) -> str:
        """The field without which the least would be taken."""
        smaller = [pair for pair in _shrunk(self.part) if pair[0].startswith(self.sections)]
        return min(smaller, key=lambda pair: self.of(pair[1]))[0]


def _needs(configuration: Configuration, features: int, room: Room) -> Iterator[tuple[str, float, _Need]]:
    settings, task = configuration.settings, configuration.settings.task

    def victim(of: Any) -> int:
        return victims_bytes(of.evaluation, task, features, 1)

    if settings.attack.is_trained:
        probe = probe_bytes(configuration, features)

        def generator(of: Any) -> int:
            return generators_bytes(of.attack, task, features, 1, of.evaluation.poison_set_size) + probe

        largest = max((v.evaluation for v in configuration.variants), key=lambda of: of.poison_set_size)
        whole = settings.model_copy(update={"evaluation": largest})
        yield "generator", room.trial, _Need(whole, generator, ("attack.", "evaluation.poison_set_size"))
    for variant in configuration.variants:
        whole = settings.model_copy(update={"evaluation": variant.evaluation})
        yield "victim", room.evaluator, _Need(whole, victim, ("evaluation.",))


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


def room_here(sweep: Sweep) -> Room:
    """The memory that one worker finds on this machine alone: so much a stack of one must fit into."""
    node = {"CPU": available_cores(), "GPU": gpus_here(), "memory": memory_for_actors()}
    return room_of(sweep, [node], gpu_bytes_here(), has_gpu=node["GPU"] > 0)


def room_of(sweep: Sweep, nodes: Sequence[Mapping[str, float]], gpu_bytes: float, *, has_gpu: bool) -> Room:
    """As `room_here`, on that of ``nodes`` which has most, beside as many actors as there will be.

    ``gpu_bytes``: of a whole GPU.
    """

    def most(stage: StageResources, actors: int) -> float:
        on_gpu, found = has_gpu and stage.gpu > 0, []
        for node in nodes:
            slots = node.get("CPU", 0) / stage.cpu
            if on_gpu:
                slots = min(slots, 1 / stage.gpu if node.get("GPU", 0) else 0)
            if slots >= 1 - 1e-9:
                beside = max(1, min(int(slots + 1e-9), actors))
                found.append((gpu_bytes if on_gpu else node.get("memory", ANY_WORKER_BYTES)) / beside)
        return max(found, default=ANY_WORKER_BYTES)

    asked = asked_resources(sweep)
    return Room(most(asked.trial, sweep.generators), most(asked.evaluator, sweep.cells))
