"""The tables of ``infra/SCALING.md``, from the cost model: `tables` is the text between the file's markers.

``python -m infra.docs.scaling infra/SCALING.md`` brings the file up to date.
"""

import math
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pgan_ray.cost.networks import step_work
from pgan_ray.cost.work import DEVICES, Work, tiles
from pgan_ray.registry import ATTACKS, VICTIMS
from pgan_ray.spec import EvaluationSpec

BEGIN, END = "<!-- scaling:begin -->", "<!-- scaling:end -->"
FEATURES = 784
STACKS = (1, 2, 5, 10, 30, 90)
AT_PEAK = replace(DEVICES["h100"], share=1.0)
ATTACK = ATTACKS.config("pgan")(alpha=0.1, lambda_prior=0.9, epochs=2000)  # Table 3: the spec's own defaults
VICTIM_4 = VICTIMS.config("mlp")()
VICTIM_5 = VICTIMS.config("mlp")(batch_size=500, epochs=1000)
TABLE_4 = EvaluationSpec(poison_fractions=[0.0])
KEPT = 0.95  # of a victim's points are left by the detectors


@dataclass(frozen=True)
class _Program:
    """What one actor runs in its inner loop, for each member. ``tiles``: of its narrowest hidden layer's product."""

    name: str
    work: Work
    tiles: int


PROGRAMS = (
    _Program(
        "pGAN iteration (Table 3)",
        ATTACK.make().iteration_work(FEATURES, 2),
        tiles(
            ATTACK.batch_size, min(*ATTACK.generator.widths, *ATTACK.discriminator.widths, *ATTACK.classifier.widths)
        ),
    ),
    _Program(
        "victim step (Table 4)", step_work(VICTIM_4, FEATURES, 2), tiles(VICTIM_4.batch_size, min(VICTIM_4.widths))
    ),
    _Program(
        "victim step, ten classes (Table 5)",
        step_work(VICTIM_5, FEATURES, 10),
        tiles(VICTIM_5.batch_size, min(VICTIM_5.widths)),
    ),
)


def tables() -> str:
    """All tables, in Markdown."""
    return "\n".join([_work(), _ridges(), *(_stacks(program) for program in PROGRAMS), _crossings(), _memory()])


def update(text: str) -> str:
    """``text`` with the block between the markers replaced by `tables`."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the text must hold {BEGIN} and, after it, {END}")
    return f"{before}{BEGIN}\n{tables()}{END}{after}"


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---", *["---:"] * (len(head) - 1)], *rows)]
    return f"### {title}\n\n" + "\n".join(lines) + "\n"


def _work() -> str:
    steps_4, steps_5 = 2000 * 1000 * KEPT / 200, 1000 * 10_000 * KEPT / 500
    whole = (
        ("generator: 56,000 iterations", PROGRAMS[0].work.times(56_000)),
        ("victim: 2,000 epochs of 950 points", PROGRAMS[1].work.times(steps_4)),
        ("victim: 1,000 epochs of 9,500 points", PROGRAMS[2].work.times(steps_5)),
    )
    every = [*((program.name, program.work) for program in PROGRAMS), *whole]
    return _table(
        "Work of one member",
        ("unit", "GFLOP", "MB moved", "FLOP/byte", "kernels"),
        [
            (name, _number(w.flop / 1e9), _number(w.moved / 1e6), f"{w.intensity:.0f}", f"{w.launches:,.0f}")
            for name, w in every
        ],
    )


def _ridges() -> str:
    return _table(
        "Where rooflines bend: FLOP/byte above which products, and not memory, are the limit",
        ("device", "memory, TB/s", *(f"{p}, TFLOP/s → ridge" for p in ("float32", "tf32", "bf16"))),
        [
            (
                device.name,
                f"{device.memory_rate / 1e12:g}",
                *(
                    f"{device.peak[p] / 1e12:g} → {device.peak[p] / device.memory_rate:.0f}"
                    for p in ("float32", "tf32", "bf16")
                ),
            )
            for device in DEVICES.values()
            if device.is_gpu
        ],
    )


def _stacks(program: _Program) -> str:
    rows = []
    for members in STACKS:
        work = program.work.times(members, launched_once=True)
        limits = AT_PEAK.limits(work)
        cells = [f"{members}", _ms(limits["launches"]), _ms(limits["memory"])]
        for precision in ("float32", "tf32", "bf16"):
            seconds, limit = max((s, name) for name, s in AT_PEAK.limits(work, precision=precision).items())
            cells.append(f"{_ms(seconds / members)} ({limit})")
        rows.append([*cells, f"{AT_PEAK.occupied(members * program.tiles):.0%}"])
    head = (
        "members",
        "launches, ms",
        "memory, ms",
        "float32",
        "tf32",
        "bf16",
        "SMs with a tile of the narrowest product",
    )
    return _table(f"{program.name} on an H100, by stack size: ms for each member, and the limit", head, rows)


def _crossings() -> str:
    """Members from which on a stack is limited by its work, and not by launching kernels or by idle processors."""
    rows = []
    for program in PROGRAMS:
        cells = []
        for precision in ("float32", "tf32", "bf16"):
            of_a_large_stack = replace(program.work, by_tiles={AT_PEAK.slots: program.work.flop})
            limits = AT_PEAK.limits(of_a_large_stack, precision=precision)
            cells.append(f"{math.ceil(limits['launches'] / max(limits['memory'], limits['products']))}")
        rows.append((program.name, *cells, f"{math.ceil(AT_PEAK.slots / program.tiles)}"))
    head = ("members from which on ...", "launches hide: float32", "tf32", "bf16", "every SM has a tile")
    return _table("Stack sizes that follow for an H100", head, rows)


def _memory() -> str:
    stacks: tuple[tuple[str, Callable[[int], int]], ...] = (
        (
            "generators (Table 3)",
            lambda members: ATTACK.make().stack_bytes(FEATURES, 2, members, TABLE_4.poison_set_size),
        ),
        ("victims (Table 4)", lambda members: VICTIM_4.make().stack_bytes(FEATURES, 2, members, 950)),
        ("victims, ten classes (Table 5)", lambda members: VICTIM_5.make().stack_bytes(FEATURES, 10, members, 9500)),
    )
    usable = 0.6 * 0.25 * DEVICES["h100"].memory_bytes
    rows = [
        (
            name,
            f"{taken(1) / 1e6:.0f}",
            f"{taken(5) / 1e9:.2f}",
            f"{taken(90) / 1e9:.2f}",
            f"{bisect_right(range(1, 1000), usable, key=taken)}",
        )
        for name, taken in stacks
    ]
    head = ("stack of", "MB of 1", "GB of 5", "GB of 90", "fit into 60 % of a quarter of an H100")
    return _table("Memory of a stack, its training sets included", head, rows)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g}"


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        file = Path(argument)
        file.write_text(update(file.read_text(encoding="utf-8")), encoding="utf-8")
