"""How the sweep's work is cut: trials (stage 1) and batches of cells (stage 2).

Both cuts depend on the resolved spec alone, so that a resumed sweep makes the same stacks, and the same bits.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from pgan_ray.spec import Cell, Configuration, Sweep, Variant


@dataclass(frozen=True)
class Trial:
    """The replicates of one configuration that one actor trains as one stack."""

    configuration: str
    replicates: tuple[int, ...]

    @property
    def id(self) -> str:
        """``alpha=0.1/r0-4``."""
        return f"{self.configuration}/r{self.replicates[0]}-{self.replicates[-1]}"


@dataclass(frozen=True)
class Batch:
    """The cells of one replicate and variant that one evaluator trains as one stack."""

    id: str
    configuration: str
    replicate: int
    variant: Variant
    cells: tuple[Cell, ...]


def trials(sweep: Sweep, members: int) -> list[Trial]:
    """Stage 1, in the order of the sweep file: stacks of at most ``members`` replicates; baselines need none."""
    return [
        Trial(configuration.id, part)
        for configuration in sweep.configurations
        if configuration.settings.attack.is_trained
        for part in even_parts(tuple(range(configuration.settings.attack.replicates)), members)
    ]


def batches(configuration: Configuration, replicate: int, members: int) -> Iterator[Batch]:
    """Stage 2 of one replicate: stacks of at most ``members`` victims."""
    by_variant: dict[str, list[Cell]] = {}
    for cell in configuration.cells(replicate):
        by_variant.setdefault(cell.variant, []).append(cell)
    for variant in configuration.variants:
        for index, part in enumerate(even_parts(tuple(by_variant[variant.id]), members)):
            names = (configuration.id, f"r{replicate}", variant.id, f"b{index:03d}")
            batch_id = "/".join(name for name in names if name)
            yield Batch(batch_id, configuration.id, replicate, variant, part)


def even_parts(items: tuple, most: int) -> list[tuple]:  # type: ignore[type-arg]  # of any one type
    """``items`` in order, cut into as few parts of at most ``most`` as will do, of nearly equal length."""
    count = -(-len(items) // most)
    ends = [len(items) * index // count for index in range(count + 1)]
    return [items[start:end] for start, end in itertools.pairwise(ends)]
