"""The one way to the terminal for lines of text."""

import click

from pgan_ray.text import printable


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print ``text``, with nothing in it that the terminal would obey: names and data may be a stranger's."""
    click.echo(printable(text), err=err, nl=nl)
