"""``pgan-ray resume``."""

import sys
from typing import Any

import click

from pgan_ray.cli import options


@click.command()
@click.argument("directory", metavar="DIR")
@options.running
def resume(directory: str, **running: Any) -> None:
    """Finish the sweep in DIR: finished generators and victims are kept, the rest is run.

    Example: pgan-ray resume results/mnist_alpha-quick-20260102-030405-ab12
    """
    from pgan_ray.cli.run import Options, run_record
    from pgan_ray.results import Store, read_sweep

    store = Store(directory)
    sys.exit(run_record(store.at_start(lambda: read_sweep(store)), store, Options(**running)))
