"""How the sweep's work is cut: trials (stage 1) and batches of cells (stage 2).

Both cuts depend on the resolved spec alone, so that a resumed sweep makes the same stacks, and the same bits.
"""

import itertools
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field

from pgan_ray.cost import CORE, cell_work, fallback_points, known_points
from pgan_ray.cost.sweep import CELL_S, iteration_work, iterations, poisoned_size
from pgan_ray.results import cells_digest
from pgan_ray.spec import Cell, Configuration, Settings, Sweep, Variant

# A batch takes at most one in so many parts of what is left of stage 2 from its replicate on, in the file's order: the
# last batches are small, and no actor has long to go when the others have nothing left.
PARTS_LEFT = 40
# Yet no stack is smaller than one in so many of the largest: on a GPU a small one takes as long as a larger one.
SMALLEST_PART = 8
# Members of a stack make as many steps as the longest of them, so their training sets differ in size by a tenth.
ALIKE = 0.9


@dataclass(frozen=True)
class Trial:
    """The replicates of one configuration that one actor trains as one stack. ``cost``: as that of a `Batch`."""

    configuration: str
    replicates: tuple[int, ...]
    cost: float = field(default=0.0, compare=False)

    @property
    def id(self) -> str:
        """``alpha=0.1/r0-4``."""
        return f"{self.configuration}/r{self.replicates[0]}-{self.replicates[-1]}"


@dataclass(frozen=True)
class Batch:
    """The cells of one replicate and variant that one evaluator trains as one stack.

    ``cost``: seconds that it takes by assumed rates, to compare what one stage of one sweep has to do.
    """

    id: str
    configuration: str
    replicate: int
    variant: Variant
    cells: tuple[Cell, ...]
    cost: float


def trials(sweep: Sweep, members: int) -> list[Trial]:
    """Stage 1, in the order of the sweep file: stacks of at most ``members`` replicates; baselines need none."""

    def cost(of: Settings) -> float:
        points = known_points(of.dataset) or fallback_points(of.task)
        return CORE.seconds(iteration_work(of, points)) * iterations(of, points)

    return [
        Trial(configuration.id, part, len(part) * cost(configuration.settings))
        for configuration in sweep.configurations
        if configuration.settings.attack.is_trained
        for part in even_parts(tuple(range(configuration.settings.attack.replicates)), members)
    ]


def parted(cut: Iterable[Trial], whole: Container[str], is_there: Callable[[str, int], bool]) -> Iterator[Trial]:
    """The trials of a sweep that was extended: apart, what is there, by configuration and replicate, and what is not.

    ``whole``: those that stay as they are.
    """
    for one in cut:
        there = tuple(replicate for replicate in one.replicates if is_there(one.configuration, replicate))
        later = tuple(replicate for replicate in one.replicates if replicate not in there)
        parts = [part for part in (there, later) if part]
        if one.id in whole or len(parts) == 1:
            yield one
        else:
            each = one.cost / len(one.replicates)
            yield from (Trial(one.configuration, part, len(part) * each) for part in parts)


class Stage2Cut:
    """Stage 2 of a sweep, cut by cost: a victim of ten classes and 10,000 points is not one of two and 1,000."""

    def __init__(self, sweep: Sweep, members: int) -> None:
        """``members``: victims of a stack at most."""
        self._members = members
        self._left: dict[tuple[str, int], float] = {}
        left = 0.0
        for configuration in reversed(sweep.configurations):
            costs = _cell_costs(configuration)
            each = sum(costs[cell.variant, cell.poison_fraction] for cell in configuration.cells(0))
            for replicate in reversed(range(configuration.settings.attack.replicates)):
                left += each
                self._left[configuration.id, replicate] = left
        self.cost = left + CELL_S * sweep.cells
        """Of all batches."""

    def batches(self, configuration: Configuration, replicate: int) -> Iterator[Batch]:
        """The batches of one replicate; those of the sweep's last replicates are the smallest."""
        left, costs = self._left[configuration.id, replicate], _cell_costs(configuration)
        by_variant: dict[str, list[Cell]] = {}
        for cell in configuration.cells(replicate):
            by_variant.setdefault(cell.variant, []).append(cell)
        for variant in configuration.variants:
            index = 0
            for group in _alike(configuration, variant, by_variant[variant.id]):
                rest = group
                while rest:
                    cost = costs[variant.id, rest[0].poison_fraction]
                    part = even_parts(rest, self._most(cost, left))[0]
                    rest = rest[len(part) :]
                    left -= len(part) * cost
                    digest = cells_digest([cell.id for cell in part])
                    names = (configuration.id, f"r{replicate}", variant.id, f"b{index:03d}-{digest}")
                    batch_id = "/".join(name for name in names if name)
                    yield Batch(batch_id, configuration.id, replicate, variant, part, len(part) * (cost + CELL_S))
                    index += 1

    def _most(self, cost: float, left: float) -> int:
        fair = int(left / PARTS_LEFT / cost) if cost else self._members
        return min(self._members, max(fair, self._members // SMALLEST_PART, 1))


def _cell_costs(configuration: Configuration) -> dict[tuple[str, float], float]:
    """(variant, poison fraction) -> seconds of a cell on a core, by assumption."""
    settings = configuration.settings
    points = known_points(settings.dataset) or fallback_points(settings.task)
    return {
        (variant.id, fraction): CORE.seconds(cell_work(variant.evaluation, settings.task, points, fraction))
        for variant in configuration.variants
        for fraction in variant.evaluation.poison_fractions
    }


def _alike(configuration: Configuration, variant: Variant, cells: list[Cell]) -> list[tuple[Cell, ...]]:
    """``cells`` in groups whose training sets differ little, the largest sets first."""
    classes = len(configuration.settings.task.classes)
    groups: list[list[Cell]] = []
    largest = 0
    sized = [(poisoned_size(variant.evaluation, classes, cell.poison_fraction), cell) for cell in cells]
    for size, cell in sorted(sized, key=lambda pair: -pair[0]):  # stable: else in the file's order
        if not groups or size < ALIKE * largest:
            groups.append([])
            largest = size
        groups[-1].append(cell)
    return [tuple(group) for group in groups]


def even_parts(items: tuple, most: int) -> list[tuple]:  # type: ignore[type-arg]  # of any one type
    """``items`` in order, cut into as few parts of at most ``most`` as will do, of nearly equal length."""
    count = -(-len(items) // most)
    ends = [len(items) * index // count for index in range(count + 1)]
    return [items[start:end] for start, end in itertools.pairwise(ends)]
