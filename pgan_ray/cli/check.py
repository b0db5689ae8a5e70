"""``pgan-ray check``."""

import click

from pgan_ray.cli.say import say


@click.command()
@click.argument("path", metavar="FILE")
def check(path: str) -> None:
    """Say what is in FILE, a .npz, .parquet or .csv, what is odd about it, and which sweep would fit.

    Example: pgan-ray check my.npz
    """
    from pgan_ray.api.check import checked_data

    for line in checked_data(path):
        say(line)
