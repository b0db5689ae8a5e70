"""What a sweep's rows come to, one configuration after the other: no more than one's are in memory."""

from collections import Counter
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pgan_ray.results.by_defence import ByDefence, by_defence
from pgan_ray.results.changes import Change, changes, scores_of
from pgan_ray.results.health import useless_victims
from pgan_ray.results.outcome import Outcome, outcome_of
from pgan_ray.results.packed import PackedTables
from pgan_ray.results.summary import Point, summarise
from pgan_ray.spec import Sweep


class Tally:
    """Counts and means of the rows that were added.

    ``doubts``: by configuration, what its clean victims say against its results. ``devices``: what the cells were
    computed on, as far as their rows know. ``diverged``: the ids of the victims that did, in the order they were added.
    Those without a training set are their generator's matter.
    """

    def __init__(self) -> None:
        self.diverged: list[str] = []
        self.devices: set[str] = set()
        self.doubts: list[tuple[str, str]] = []
        self._outcomes: dict[str, Counter[str]] = {}
        self._points: dict[str, list[Point]] = {}
        self._scores = PackedTables()

    def __iter__(self) -> Iterator[str]:
        """The configurations whose rows were added."""
        return iter(self._points)

    def __contains__(self, configuration: str) -> bool:
        return configuration in self._points

    def add(self, configuration: str, rows: pa.Table) -> None:
        """Count all ``rows`` of one ``configuration``."""
        self._outcomes[configuration] = Counter(rows["outcome"].to_pylist())
        diverged = rows.filter(pc.and_(pc.equal(rows["outcome"], "diverged"), pc.greater(rows["train_size"], 0)))
        self.diverged += diverged["cell_id"].to_pylist()
        self.doubts += [(configuration, doubt) for doubt in useless_victims(rows)]
        self.devices.update(pc.unique(rows["device"].drop_null()).to_pylist())
        self._points[configuration] = summarise(rows)
        self._scores[configuration] = scores_of(rows)

    def outcomes_of(self, configurations: Iterable[str]) -> Counter[str]:
        """How many cells of ``configurations`` have each outcome."""
        return sum((self._outcomes[one] for one in configurations if one in self._outcomes), Counter())

    @property
    def outcomes(self) -> Counter[str]:
        """How many cells have each outcome."""
        return self.outcomes_of(self._outcomes)

    def outcome(self, sweep: Sweep) -> Outcome:
        """The outcome of ``sweep``, all of whose rows were added. Of a search the results count: trials may fail."""
        return outcome_of(self.outcomes_of(sweep.result_ids), sweep.result_cells)

    @property
    def cells(self) -> int:
        """How many rows were added."""
        return self.outcomes.total()

    @property
    def points(self) -> list[Point]:
        """As `summarise` has them for all rows."""
        return [point for configuration in sorted(self._points) for point in self._points[configuration]]

    def changes(self, sweep: Sweep) -> list[Change]:
        """The effects of the attacks of ``sweep``, whose rows were added, over its controls."""
        return changes(sweep, self._scores)

    def by_defence(self, sweep: Sweep) -> list[ByDefence]:
        """What is left of the attacks of ``sweep``, whose rows were added, behind each of its defences."""
        return by_defence(sweep, self._scores)
