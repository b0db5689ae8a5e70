"""``pgan-ray best``."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pgan_ray.cli import options
from pgan_ray.cli.say import say, say_left_out

if TYPE_CHECKING:
    from pgan_ray.results import Ranked
    from pgan_ray.spec import Sweep


@click.command()
@options.directory
@click.option(
    "--detection-budget",
    "budget",
    type=click.FloatRange(-1, 1),
    default=0.01,
    show_default=True,
    metavar="SHARE",
    help="Share of the poison that may be rejected beyond the share of genuine points that is.",
)
@click.option(
    "--by",
    type=click.Choice(["damage", "error"]),
    default="damage",
    show_default=True,
    help="`damage`: the source class taken for the poison class; `error`: the test error. Both beyond every control.",
)
@click.option(
    "--tails",
    type=click.Choice(["sweep", "both"]),
    default="sweep",
    show_default=True,
    help="What counts as rejected: what the sweep's detectors reject, or would by both tails of their scores.",
)
@click.option(
    "--poison-fraction", type=click.FloatRange(0, 1, min_open=True), metavar="F", help="Default: the largest there is."
)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON, shares in fractions.")
def best(directory: str, budget: float, by: str, tails: str, poison_fraction: float | None, as_json: bool) -> None:
    """Rank the attacks of the sweep in DIR, finished or not: most harm first, among those that detectors leave alone.

    Example: pgan-ray best results/mnist_alpha-quick-20260102-030405-ab12 --detection-budget 0.02 --tails both
    """
    if math.isnan(budget):  # click's range lets it through
        raise click.BadParameter("must be a number, got nan", param_hint="'--detection-budget'")

    from pgan_ray.api import open_sweep
    from pgan_ray.results import Store

    result = open_sweep(directory)
    try:
        found = result.ranking(budget, by=by, tails=tails, poison_fraction=poison_fraction)
    finally:
        say_left_out(Store(directory), result.left_out)
    if as_json:
        say(json.dumps([asdict(one) for one in found], indent=1))
        return
    _show(found, result.record.sweep, by)
    among = sum(one.stays_under for one in found)
    if not among:
        say(f"no attack stays under the budget of {100 * budget:g} points", err=True)
    elif among > 1:
        chosen = f"the first is the best of {among} by these very numbers, which flatter it"
        again = "" if result.record.sweep.search else ": confirm it in a sweep of its own with another `seed`"
        say(f"{chosen}{again}", err=True)


def _show(found: Sequence["Ranked"], sweep: "Sweep", by: str) -> None:
    from rich.table import Table

    from pgan_ray.cli.table import label, replicates, show
    from pgan_ray.results import estimate_text

    table = Table(
        title=f"{by} at {100 * found[0].poison_fraction:g}% poison, in points beyond the control beside which it is "
        "least; mean ± 95 % interval"
    )
    rejected = "poison rejected beyond genuine"
    for column in ("attack", by, "beyond", rejected, "under the budget"):
        table.add_column(column, justify="right" if column in (by, rejected) else "left")
    planned = replicates(sweep)
    for one in found:
        harm, excess = (estimate_text(each, planned[one.configuration]) for each in (one.harm, one.excess))
        under = "nothing detects" if one.excess is None else "yes" if one.stays_under else "no"
        unsure = "" if one.is_sure else ", not sure"
        table.add_row(label(sweep, one.configuration, one.variant), harm, one.control, excess, f"{under}{unsure}")
    show(table)
