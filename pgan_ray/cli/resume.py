"""``pgan-ray resume``."""

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
    from pgan_ray.cli.ending import run, run_options
    from pgan_ray.cli.terminal import make_progress
    from pgan_ray.results import Store, read_sweep

    store = Store(directory)
    run(
        store.at_start(lambda: read_sweep(store)),
        store,
        run_options(running),
        make_progress(),
        as_json=running["as_json"],
    )
