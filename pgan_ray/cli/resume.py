"""``pgan-ray resume``."""

from typing import Any

import click

from pgan_ray.cli import options


@click.command()
@options.directory
@options.running
def resume(directory: str, **running: Any) -> None:
    """Finish the sweep in DIR: finished generators and victims are kept, the rest is run.

    Classes that the sweep names by import path are imported and run: resume only a directory that you trust.

    Example: pgan-ray resume results/mnist_alpha-quick-20260102-030405-ab12
    """
    from pgan_ray.cli.ending import run, run_options
    from pgan_ray.cli.terminal import make_progress
    from pgan_ray.results import Store, read_sweep
    from pgan_ray.spec import foreign_names

    store, progress = Store(directory), make_progress()
    record = store.at_start(lambda: read_sweep(store))
    others = foreign_names(record.sweep)
    if others:
        progress.notice(f"running the code that its sweep.yaml names: {', '.join(others)}")
        record = store.at_start(lambda: read_sweep(store, imports=True))
    run(record, store, run_options(running), progress, as_json=running["as_json"])
