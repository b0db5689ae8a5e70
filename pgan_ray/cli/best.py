"""``pgan-ray best``."""

import json
import math
from dataclasses import asdict

import click

from pgan_ray.cli import options
from pgan_ray.cli.say import say, say_left_out


@click.command()
@options.directory
@click.option(
    "--detection-budget",
    "budget",
    type=click.FloatRange(-1, 1),
    metavar="SHARE",
    help="By how much the rejected share of poison may exceed that of genuine points. Default: for a "
    "worst-case search without --tails, `search.detectability.at_most`; else 0.01.",
)
@click.option(
    "--by",
    type=click.Choice(["damage", "error"]),
    help="`damage`: how often the source class is taken for the poison class; `error`: the test error. Both beyond "
    "every control. Default: for a search its `search.harm`; else `damage`.",
)
@click.option(
    "--tails",
    type=click.Choice(["sweep", "both"]),
    help="What counts as rejected. `sweep`: what the sweep's detectors reject; `both`: what they would with both "
    "tails of their scores. Default: for a search without --detection-budget, its own; else `sweep`.",
)
@click.option(
    "--poison-fraction",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="F",
    help="Default: the sweep's largest.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the ranking as JSON, with shares as fractions.")
def best(
    directory: str,
    budget: float | None,
    by: str | None,
    tails: str | None,
    poison_fraction: float | None,
    as_json: bool,
) -> None:
    """Rank the attacks of the sweep in DIR, finished or not: those within the detection budget first, by harm.

    Example: pgan-ray best results/mnist_alpha-quick-20260102-030405-ab12 --detection-budget 0.02 --tails both
    """
    if budget is not None and math.isnan(budget):  # click's range lets it through
        raise click.BadParameter("must be a number, got nan", param_hint="'--detection-budget'")

    from pgan_ray.api import open_sweep
    from pgan_ray.cli.table import ranking_table, show
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
    show(ranking_table(found, result.record.sweep, rule))
    among = sum(one.stays_under for one in found)
    if not among:
        say(f"no attack stays under the budget of {budget_text(rule)}", err=True)
    elif among > 1:
        chosen = f"the first is the best of {among} by these same numbers, so they flatter it"
        again = "" if result.record.sweep.search else ": confirm it in a sweep of its own with another `seed`"
        say(f"{chosen}{again}", err=True)
