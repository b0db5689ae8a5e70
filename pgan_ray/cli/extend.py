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
    from pgan_ray.errors import PganRayError
    from pgan_ray.results import Store, redact

    store, progress = Store(directory), make_progress()
    record = extend_search(store, trials, progress.notice)
    try:
        run(record, store, run_options(running), progress, as_json=running["as_json"])
    except PganRayError:
        assert record.sweep.search is not None  # it was extended
        now = f"it has {record.sweep.search.spec.trials} trials from now on"
        progress.notice(f"{now}: run them with `pgan-ray resume {redact(directory)}`")
        raise
