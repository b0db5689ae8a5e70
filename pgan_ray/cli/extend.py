"""``pgan-ray extend``."""

from typing import Any

import click

from pgan_ray.cli import options


@click.command()
@options.directory
@click.option("--trials", type=click.IntRange(1), required=True, metavar="N", help="So many more.")
@options.running
def extend(directory: str, trials: int, **running: Any) -> None:
    """Have the search in DIR try N configurations more, and run it to its end: what there is stays.

    The best are chosen again; those that were confirmed before stay results. Classes that the sweep names by import
    path are imported and run: extend only a directory that you trust.

    Example: pgan-ray extend results/mnist_worst_case-quick-20260102-030405-ab12 --trials 16
    """
    from pgan_ray.api import extend_search
    from pgan_ray.cli.ending import run, run_options
    from pgan_ray.cli.terminal import make_progress
    from pgan_ray.results import Store

    store = Store(directory)
    record = extend_search(store, trials)
    run(record, store, run_options(running), make_progress(), as_json=running["as_json"])
