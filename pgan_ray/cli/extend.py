"""``pgan-ray extend``."""

from typing import Any

import click

from pgan_ray.cli import options


@click.command()
@options.directory
@click.option("--trials", type=click.IntRange(1), metavar="N", help="For a search: number of trials to add.")
@click.option(
    "--add",
    "additions",
    multiple=True,
    metavar="A.B=VALUE",
    help="For a grid: one more value for the grid at A.B; VALUE is YAML. May be repeated.",
)
@click.option(
    "--replicates",
    type=click.IntRange(1),
    metavar="N",
    help="For a grid: number of replicates to add to each attack, for narrower intervals.",
)
@options.running
def extend(
    directory: str, trials: int | None, additions: tuple[str, ...], replicates: int | None, **running: Any
) -> None:
    """Add trials to the search in DIR, or values or replicates to the grid in DIR.

    Existing results stay, and the rest is run. A search then chooses its best again; trials that were confirmed before
    stay in the results. A grid must be finished. Only its new generators and victims are trained, exactly as a new
    sweep of everything would train them. Classes that the sweep names by import path are imported and run: extend only
    a directory that you trust.

    Example: pgan-ray extend results/mnist_alpha-quick-20260102-030405-ab12 --add attack.alpha=0.7
    """
    from pgan_ray.api import extend_grid, extend_search
    from pgan_ray.cli.ending import run, run_options
    from pgan_ray.cli.terminal import make_progress
    from pgan_ray.results import Store

    if bool(trials) == bool(additions or replicates):
        got = "both" if trials else "neither"
        raise click.UsageError(f"must have --trials (for a search), or --add or --replicates (for a grid), got {got}")
    store = Store(directory)
    record = extend_search(store, trials) if trials else extend_grid(store, additions, replicates=replicates or 0)
    run(record, store, run_options(running), make_progress(), as_json=running["as_json"])
