"""The one way to the terminal for lines of text."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from pgan_ray.text import printable

if TYPE_CHECKING:
    from pgan_ray.results import Store


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print ``text``, with nothing in it that the terminal would obey: names and data may be a stranger's."""
    click.echo(printable(text), err=err, nl=nl)


def say_left_out(store: "Store", files: Mapping[str, str]) -> None:
    """Name the ``files`` in ``store`` that cannot be used, each with its reason."""
    from pgan_ray.results import redact

    for name, reason in sorted(files.items()):
        say(f"left out: {redact(store.place(name))}: {reason}", err=True)
