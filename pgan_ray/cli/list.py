"""``pgan-ray list``."""

import click

from pgan_ray.cli import options
from pgan_ray.errors import SpecError


@click.command()
@click.argument("place", metavar="[DIR]", default="results", shell_complete=options.complete_directory)
def list(place: str) -> None:  # noqa: A001 - the command's name
    """List the sweeps in the subfolders of DIR (default: `results`), each with its state and its strongest attack.

    Example: pgan-ray list s3://bucket/sweeps
    """
    from rich.table import Table
    from rich.text import Text

    from pgan_ray.api.state import states_in
    from pgan_ray.cli.say import say
    from pgan_ray.cli.state_text import attack_text
    from pgan_ray.cli.table import show
    from pgan_ray.results import Store, redact
    from pgan_ray.text import printable

    table = Table()
    for column in ("directory", "profile", "state", "victims", "strongest attack"):
        table.add_column(column, justify="right" if column == "victims" else "left")
    unreadable, store = [], Store(place)
    for name, found in states_in(store):
        if isinstance(found, SpecError):
            unreadable += found.faults
            continue
        unreadable += [f"{redact(store.below(name).place(file))}: {why}" for file, why in found.left_out.items()]
        cells = "-" if found.cells is None else f"{found.cells[0]}/{found.cells[1]}"
        best = "-" if found.best is None else attack_text(found.record.sweep, found.best)
        row = (name, found.record.sweep.profile, found.state, cells, best)
        table.add_row(*(Text(printable(cell), overflow="fold") for cell in row))  # cut, names would look alike
    if not table.row_count and not unreadable:
        raise SpecError([f"{place}: must contain directories of sweeps, got none"])
    show(table)
    for line in unreadable:
        say(f"left out: {line}", err=True)
