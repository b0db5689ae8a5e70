"""``pgan-ray best``."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pgan_ray.cli import options
from pgan_ray.cli.say import say, say_left_out

if TYPE_CHECKING:
    from pgan_ray.results import Ranked
    from pgan_ray.spec import Sweep

SEEN = {
    "excess_rejection": "poison rejected beyond genuine",
    "excess_rejection_both": "poison rejected beyond genuine, by both tails",
    "detector_auc": "AUC, %",
}
"""What tells poison from genuine points, by its name in `Change.detectability`."""


@click.command()
@options.directory
@click.option(
    "--detection-budget",
    "budget",
    type=click.FloatRange(-1, 1),
    metavar="SHARE",
    help="Share of the poison that may be rejected beyond the share of genuine points that is. Default: of a search "
    "what it looks for, `search.detectability`; else 0.01.",
)
@click.option(
    "--by",
    type=click.Choice(["damage", "error"]),
    help="`damage`: the source class taken for the poison class; `error`: the test error. Both beyond every control. "
    "Default: of a search its `search.harm`; else `damage`.",
)
@click.option(
    "--tails",
    type=click.Choice(["sweep", "both"]),
    help="What counts as rejected: what the sweep's detectors reject, or would by both tails of their scores. Default: "
    "of a search what it looks for; else `sweep`.",
)
@click.option(
    "--poison-fraction", type=click.FloatRange(0, 1, min_open=True), metavar="F", help="Default: the largest there is."
)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON, shares in fractions.")
def best(
    directory: str,
    budget: float | None,
    by: str | None,
    tails: str | None,
    poison_fraction: float | None,
    as_json: bool,
) -> None:
    """Rank the attacks of the sweep in DIR, finished or not: most harm first, among those that detectors leave alone.

    Example: pgan-ray best results/mnist_alpha-quick-20260102-030405-ab12 --detection-budget 0.02 --tails both
    """
    if budget is not None and math.isnan(budget):  # click's range lets it through
        raise click.BadParameter("must be a number, got nan", param_hint="'--detection-budget'")

    from pgan_ray.api import open_sweep
    from pgan_ray.results import Store, budget_text, rule_for

    result = open_sweep(directory)
    rule = rule_for(result.record.sweep, budget, by, tails)
    try:
        found = result.ranking(budget, by=by, tails=tails, poison_fraction=poison_fraction)
    finally:
        say_left_out(Store(directory), result.left_out)
    if as_json:
        say(json.dumps([asdict(one) for one in found], indent=1))
        return
    _show(found, result.record.sweep, rule)
    among = sum(one.stays_under for one in found)
    if not among:
        say(f"no attack stays under the budget of {budget_text(rule)}", err=True)
    elif among > 1:
        chosen = f"the first is the best of {among} by these very numbers, which flatter it"
        again = "" if result.record.sweep.search else ": confirm it in a sweep of its own with another `seed`"
        say(f"{chosen}{again}", err=True)


def _show(found: Sequence["Ranked"], sweep: "Sweep", rule: Mapping[str, Any]) -> None:
    from rich.table import Table

    from pgan_ray.cli.table import label, replicates, show
    from pgan_ray.results import budget_text, estimate_text

    by, rejected, planned = rule["harm"], SEEN[rule["tails"]], replicates(sweep)
    if rule["by_every_variant"] and len({one.variant for one in found}) > 1:
        rejected += " where that is most"
    counts = sorted({planned[one.configuration] for one in found})
    over = f"mean ± 95 % interval over {' or '.join(map(str, counts))} replicates"
    table = Table(
        title=f"{by} at {100 * found[0].poison_fraction:g}% poison, in points beyond the control beside which it is "
        f"least;\n{over if counts[-1] > 1 else 'one replicate, so no intervals'}"
    )
    for column in ("attack", by, "beyond", rejected, f"under the budget of {budget_text(rule)}"):
        table.add_column(column, justify="right" if column in (by, rejected) else "left")
    for one in found:
        harm, excess = (estimate_text(each, planned[one.configuration]) for each in (one.harm, one.excess))
        under = "nothing detects" if one.excess is None else "yes" if one.stays_under else "no"
        unsure = "" if one.is_sure else ", not sure"
        table.add_row(label(sweep, one.configuration, one.variant), harm, one.control, excess, f"{under}{unsure}")
    show(table)
