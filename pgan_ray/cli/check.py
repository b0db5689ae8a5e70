"""``pgan-ray check``."""

import click

from pgan_ray.cli.say import say


@click.command()
@click.argument("path", metavar="FILE")
def check(path: str) -> None:
    """Describe the data in FILE (.npz, .parquet or .csv), report anything odd, and suggest a sweep that fits.

    Example: pgan-ray check my.npz
    """
    from pgan_ray.api.check import checked_data

    for line in checked_data(path):
        say(line)
