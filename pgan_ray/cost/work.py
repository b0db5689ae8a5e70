"""An amount of work, and devices that do it: their figures as published, and the rates that we assume of them.

Peaks are the data sheets' (dense, without sparsity) of NVIDIA's H200 and H100 SXM5, A100 SXM4 80 GB, L4 and T4. The
share of them that the engine sustains, and what a kernel of a graph takes, were measured on an H200
(``infra/SCALING.md``); of the others they are assumptions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

TILE = 128  # rows and columns of a product that one unit of a GPU takes at a time


def tiles(rows: int, columns: int) -> int:
    """Tiles of a product with so many rows and columns."""
    return math.ceil(rows / TILE) * math.ceil(columns / TILE)


@dataclass(frozen=True)
class Work:
    """Amounts of one piece of work; pieces add up.

    ``flop``: operations of matrix products; ``moved``: bytes to and from the memory of the device that does them, each
    tensor once for each kernel that reads or writes it; ``launches``: kernels, each of which takes a GPU some
    microseconds however small it is; ``host_flop``: operations of detectors and scikit-learn, on a CPU in any case.
    ``by_tiles``: the ``flop`` by how many tiles their products have, which is one where nothing is said: a GPU gives
    the narrow ones few of its units, and the wide ones all.
    """

    flop: float = 0.0
    moved: float = 0.0
    launches: float = 0.0
    host_flop: float = 0.0
    by_tiles: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.flop and not self.by_tiles:
            object.__setattr__(self, "by_tiles", {1: self.flop})

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.flop + other.flop,
            self.moved + other.moved,
            self.launches + other.launches,
            self.host_flop + other.host_flop,
            {n: self.by_tiles.get(n, 0) + other.by_tiles.get(n, 0) for n in {**self.by_tiles, **other.by_tiles}},
        )

    def times(self, number: float, *, launched_once: bool = False) -> "Work":
        """As much ``number`` times; ``launched_once``: as one stack, whose members share their kernels."""
        launches = self.launches if launched_once else self.launches * number
        wider = max(1, int(number)) if launched_once else 1
        by_tiles = {wider * tiles: flop * number for tiles, flop in self.by_tiles.items()}
        return Work(self.flop * number, self.moved * number, launches, self.host_flop * number, by_tiles)

    @property
    def intensity(self) -> float:
        """Operations for each byte moved."""
        return self.flop / self.moved if self.moved else 0.0


@dataclass(frozen=True)
class Device:
    """A GPU, or one core of a CPU.

    Peaks in FLOP/s by the sweep's `precision`; ``memory_rate``: bytes/s. ``share``: of peaks and memory rate that the
    engine is assumed to sustain; ``launch_s``: of one kernel. ``host_rate``: FLOP/s of detectors and scikit-learn, on
    one core beside the device.
    """

    name: str
    peak: dict[str, float]
    memory_rate: float
    memory_bytes: float
    is_gpu: bool = True
    share: float = 0.4
    launch_s: float = 4e-6
    host_rate: float = 3e9
    slots: int = 1  # units that run a kernel's tiles: streaming multiprocessors

    def occupied(self, tiles: float) -> float:
        """The share of its slots that a product of so many ``tiles`` gives work to."""
        return min(1.0, tiles / self.slots)

    def limits(self, work: Work, *, precision: str = "float32", part: float = 1.0) -> dict[str, float]:
        """Seconds of ``work``'s ``launches``, of its ``memory`` traffic and of its ``products``; the longest counts.

        On a ``part`` of the device's time.
        """
        at_full = sum(flop / self.occupied(tiles) for tiles, flop in work.by_tiles.items())
        return {
            "launches": work.launches * self.launch_s,
            "memory": work.moved / (self.share * self.memory_rate * part),
            "products": at_full / (self.share * self.peak[precision] * part),
        }

    def seconds(self, work: Work, *, precision: str = "float32", part: float = 1.0) -> float:
        """Of ``work``: the longest of its `limits`, then what the host does."""
        limits = self.limits(work, precision=precision, part=part)
        return max(limits.values()) + work.host_flop / self.host_rate


def _peaks(float32: float, tf32: float, bf16: float) -> dict[str, float]:
    return {"float32": float32, "tf32": tf32, "bf16": bf16}


# One core with AVX2 at 3 GHz: 8 lanes, a multiplication and an addition, twice a cycle.
CORE = Device("cpu", _peaks(96e9, 96e9, 96e9), 10e9, 4e9, is_gpu=False, share=0.5, launch_s=4e-6)
DEVICES = {
    device.name: device
    for device in (
        Device("h200", _peaks(67e12, 494e12, 989e12), 4.8e12, 141e9, slots=132),
        Device("h100", _peaks(67e12, 494e12, 989e12), 3.35e12, 80e9, slots=132),
        Device("a100", _peaks(19.5e12, 156e12, 312e12), 2.04e12, 80e9, slots=108),
        Device("l4", _peaks(30.3e12, 60e12, 121e12), 0.3e12, 24e9, slots=58),
        # No TF32 and no bf16 in hardware: both run as float32.
        Device("t4", _peaks(8.1e12, 8.1e12, 8.1e12), 0.32e12, 16e9, slots=40),
        CORE,
    )
}
"""By the name that `pgan-ray plan --device` takes."""
