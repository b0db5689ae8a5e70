"""``pgan-ray status``."""

import time
from typing import TYPE_CHECKING

import click

from pgan_ray.cli import options
from pgan_ray.cli.say import say, say_left_out

if TYPE_CHECKING:
    from pgan_ray.api.state import SweepState

EVERY_S = 2.0
SILENT_S = 60.0
"""A driver says how far it is every 10 s."""


@click.command()
@options.directory
@click.option("--follow", is_flag=True, help="Keep showing it until the sweep ends; Ctrl-C stops only the display.")
def status(directory: str, follow: bool) -> None:
    """Show the progress of the sweep in DIR, from any terminal and whoever runs it. Nothing in DIR is changed.

    Example: pgan-ray status s3://bucket/alpha --follow
    """
    from pgan_ray.api.state import state_of
    from pgan_ray.results import Store

    store = Store(directory)
    found = state_of(store)
    if follow and found.now is not None:
        found = _follow(store, found)
    _say(found, directory)
    say_left_out(store, found.left_out)


def _follow(store: "object", found: "SweepState") -> "SweepState":
    from pgan_ray.api.state import state_of
    from pgan_ray.cli.terminal import make_progress

    progress, beat, moved = make_progress(), found.beat, time.monotonic()
    try:
        with progress:
            while found.state == "running" and time.monotonic() - moved < SILENT_S:
                if found.now is not None:
                    progress.show(found.now)
                time.sleep(EVERY_S)
                found = state_of(store)  # type: ignore[arg-type]  # a type that would take long to import
                if found.beat != beat:
                    beat, moved = found.beat, time.monotonic()
    except KeyboardInterrupt:
        pass
    return found


def _say(found: "SweepState", directory: str) -> None:
    from pgan_ray.cli.state_text import attack_text
    from pgan_ray.cli.terminal import snapshot_line
    from pgan_ray.results import counts_text, redact
    from pgan_ray.text import typed

    say(f"{found.record.id}: {found.state}{f', by {found.driver}' if found.driver else ''}")
    if found.now is not None:
        say(snapshot_line(found.now))
    elif found.cells is not None:
        say(f"{found.cells[0]}/{found.cells[1]} victims")
    if found.trials:
        say(counts_text(found.trials))
    if found.best is not None:
        say(f"strongest attack: {attack_text(found.record.sweep, found.best)}")
    where = typed(redact(directory))
    if found.state == "paused":
        say(f"to go on: delete the file PAUSE in {where}, then pgan-ray resume {where}")
    elif found.state in ("interrupted", "failed", "unfinished"):
        say(f"to go on: pgan-ray resume {where}")
    elif found.state != "running":
        say(f"its results: pgan-ray report {where}, pgan-ray best {where}")
        if found.cells is not None and found.cells[0] < found.cells[1]:
            say(f"once what failed is fixed: pgan-ray resume {where}")
