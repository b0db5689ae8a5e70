"""A resolved sweep: its configurations, and the cells of each."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pgan_ray.spec.components import ComponentConfig
from pgan_ray.spec.evaluation import EvaluationSpec
from pgan_ray.spec.readable import in_words, readable
from pgan_ray.spec.resources import ResourcesSpec
from pgan_ray.spec.settings import Settings

if TYPE_CHECKING:
    from pgan_ray.spec.searched import Search


@dataclass(frozen=True)
class Variant:
    """One choice from the grids of the `evaluation` section; ``id`` is empty where there are none."""

    id: str
    evaluation: EvaluationSpec


@dataclass(frozen=True)
class Cell:
    """One victim result, one row of results."""

    configuration: str
    replicate: int
    variant: str
    poison_fraction: float
    run: int

    @property
    def id(self) -> str:
        """Unique in a sweep, and the same whenever it is run: ``alpha=0.1/r0/f0.4/run3``."""
        fraction = repr(self.poison_fraction).removesuffix(".0")  # every digit: two fractions never share an id
        parts = [self.configuration, f"r{self.replicate}", self.variant, f"f{fraction}", f"run{self.run}"]
        return "/".join(part for part in parts if part)

    @property
    def stream(self) -> str:
        """The name of what its victim's training is drawn from: without poison the same, whatever the attack."""
        return self.id if self.poison_fraction else replace(self, configuration="").id


@dataclass(frozen=True)
class Configuration:
    """One point of the sweep's grid: the generators' settings, and how each of them is evaluated.

    ``setting`` names what it is besides the attack: configurations of one setting have the same splits. ``trial``: of a
    search, the series and number of the trial that it is, or evaluates afresh. ``is_result``: false for what is looked
    at to choose among trials, and says nothing of an attack's effect. ``is_stopped``: a trial that was stopped before
    its training's end: it has no generators and no cells.
    """

    id: str
    settings: Settings
    variants: tuple[Variant, ...]
    setting: str = ""
    trial: tuple[str, int] | None = None
    is_result: bool = True
    is_stopped: bool = False

    def cells(self, replicate: int) -> Iterator[Cell]:
        """The cells of one replicate."""
        for variant in self.variants if not self.is_stopped else ():
            for fraction in variant.evaluation.poison_fractions:
                for run in range(variant.evaluation.runs):
                    yield Cell(self.id, replicate, variant.id, fraction, run)

    @property
    def is_control(self) -> bool:
        """Whether it is no attack, but what attacks are compared with."""
        return self.settings.attack.is_control

    @property
    def cell_count(self) -> int:
        """The cells of all its replicates."""
        if self.is_stopped:
            return 0
        each = sum(len(variant.evaluation.poison_fractions) * variant.evaluation.runs for variant in self.variants)
        return self.settings.attack.replicates * each

    @property
    def generators(self) -> int:
        """Its generators; baselines have none."""
        attack = self.settings.attack
        return attack.replicates if attack.is_trained and not self.is_stopped else 0


@dataclass(frozen=True)
class Sweep:
    """A sweep file with a profile and overrides applied, defaults filled in and every grid expanded."""

    name: str
    description: str
    profile: str
    resources: ResourcesSpec
    configurations: tuple[Configuration, ...]
    document: dict[str, Any]  # the resolved file, grids still in it: what `sweep.yaml` holds
    search: "Search | None" = None  # what is searched, if anything is

    def called(self, configuration: str, variant: str = "") -> str:
        """What people call a configuration, and a variant of its evaluation, by their ids: ``alpha=0.1 victim=mlp``."""
        # Where a trial's own name ends with a variant, the one that it is evaluated by needs a word before it.
        between = ", with " if self.search is not None and self.search.spec.against == "each" else " "
        return self.in_words(between.join(part for part in (configuration, variant) if part))

    def in_words(self, text: str) -> str:
        """``text``, such as an id or a sentence with ids, with the names of values in the place of their digests."""
        if self.search is not None:
            text = self.search.in_words(text)  # first: this puts ids of variants in
        return in_words(text, self._readable)

    @cached_property
    def _readable(self) -> dict[str, str]:
        return readable(self.document)

    @property
    def generators(self) -> int:
        """Generators of the whole sweep; baselines have none."""
        return sum(configuration.generators for configuration in self.configurations)

    @property
    def cells(self) -> int:
        """Victims of the whole sweep."""
        return sum(configuration.cell_count for configuration in self.configurations)

    @cached_property
    def result_ids(self) -> frozenset[str]:
        """The configurations that say something of an attack's effect: all, but for a search's trials."""
        return frozenset(one.id for one in self.configurations if one.is_result)

    @property
    def result_cells(self) -> int:
        """Victims of those."""
        return sum(one.cell_count for one in self.configurations if one.is_result)

    @property
    def foreign_components(self) -> list[tuple[str, str]]:
        """(kind, name) of the components that are not ours: whoever works must be able to import them."""
        every: list[ComponentConfig] = [part for c in self.configurations for part in c.settings.components]
        every += [part for c in self.configurations for v in c.variants for part in v.evaluation.components]
        return sorted({(part.registry.kind, part.name) for part in every if part.is_foreign})
