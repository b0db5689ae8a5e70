"""``pgan-ray extend``."""

from typing import Any

import click

from pgan_ray.cli import options


@click.command()
@options.directory
@click.option("--trials", type=click.IntRange(1), metavar="N", help="Of a search: so many more.")
@click.option(
    "--add",
    "additions",
    multiple=True,
    metavar="A.B=VALUE",
    help="Of a grid: one more value, which is YAML, for the grid at A.B. May be given often.",
)
@click.option(
    "--replicates",
    type=click.IntRange(1),
    metavar="N",
    help="Of a grid: so many more of each attack, for its intervals.",
)
@options.running
def extend(
    directory: str, trials: int | None, additions: tuple[str, ...], replicates: int | None, **running: Any
) -> None:
    """Have the search in DIR try N configurations more, or the grid in DIR have more values or replicates.

    What there is stays, and the rest is run to its end. Of a search the best are chosen again; those that were
    confirmed before stay results. A grid must be finished; what is trained are the generators and victims that are new,
    as a new sweep of all would train them. Classes that the sweep names by import path are imported and run: extend
    only a directory that you trust.

    Example: pgan-ray extend results/mnist_alpha-quick-20260102-030405-ab12 --add attack.alpha=0.7
    """
    from pgan_ray.api import extend_grid, extend_search
    from pgan_ray.cli.ending import run, run_options
    from pgan_ray.cli.terminal import make_progress
    from pgan_ray.results import Store

    if bool(trials) == bool(additions or replicates):
        got = "both" if trials else "neither"
        raise click.UsageError(f"must be given --trials, of a search, or --add or --replicates, of a grid, got {got}")
    store = Store(directory)
    record = extend_search(store, trials) if trials else extend_grid(store, additions, replicates=replicates or 0)
    run(record, store, run_options(running), make_progress(), as_json=running["as_json"])
