"""An amount of work, whatever it is that does it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """Amounts of one piece of work; pieces add up.

    ``flop``: operations of matrix products; ``moved``: bytes to and from the memory of the device that does them, each
    tensor once for each kernel that reads or writes it; ``launches``: kernels, each of which takes a GPU some
    microseconds however small it is; ``host_flop``: operations of detectors and scikit-learn, on a CPU in any case.
    """

    flop: float = 0.0
    moved: float = 0.0
    launches: float = 0.0
    host_flop: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.flop + other.flop,
            self.moved + other.moved,
            self.launches + other.launches,
            self.host_flop + other.host_flop,
        )

    def times(self, number: float, *, launched_once: bool = False) -> "Work":
        """As much ``number`` times; ``launched_once``: as one stack, whose members share their kernels."""
        launches = self.launches if launched_once else self.launches * number
        return Work(self.flop * number, self.moved * number, launches, self.host_flop * number)

    @property
    def intensity(self) -> float:
        """Operations for each byte moved."""
        return self.flop / self.moved if self.moved else 0.0
