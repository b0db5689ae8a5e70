"""``pgan-ray resume``."""

from typing import Any

import click

from pgan_ray.cli import options


@click.command()
@options.directory
@options.running
def resume(directory: str, **running: Any) -> None:
    """Finish the sweep in DIR: finished generators and victims are kept, and the rest is run.

    Classes that the sweep names by import path are imported and run: resume only a directory that you trust.

    Example: pgan-ray resume results/mnist_alpha-quick-20260102-030405-ab12
    """
    from pgan_ray.api import record_to_resume
    from pgan_ray.cli.ending import run, run_options
    from pgan_ray.cli.terminal import make_progress
    from pgan_ray.results import Store

    store, progress = Store(directory), make_progress()
    record = record_to_resume(store, progress.notice)
    run(record, store, run_options(running), progress, as_json=running["as_json"])
