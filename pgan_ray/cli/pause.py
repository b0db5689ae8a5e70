"""``pgan-ray pause``."""

import click

from pgan_ray.cli import options


@click.command()
@options.directory
def pause(directory: str) -> None:
    """Stop the search in DIR after the current wave of trials, from any terminal; `resume` continues it.

    Example: pgan-ray pause results/mnist_worst_case-quick-20260102-030405-ab12
    """
    from pgan_ray.api import pause_search
    from pgan_ray.cli.say import say
    from pgan_ray.results import Store, redact

    store = Store(directory)
    pause_search(store)
    where = redact(directory)
    say(f"it stops after this wave; to go on: delete the file PAUSE in {where}, then pgan-ray resume {where}")
