"""``pgan-ray sweeps``."""

import json

import click

from pgan_ray.cli.say import say
from pgan_ray.spec import profile_names, shipped_sweeps
from pgan_ray.spec.yaml_file import read_content


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON, with file paths.")
def sweeps(as_json: bool) -> None:
    """List the sweeps that come with pgan-ray. `sweep`, `plan` and `submit` accept these names instead of a file.

    Example: pgan-ray sweeps
    """
    found = [
        (name, str(read_content(file)[0].get("description", "")), profile_names(file), str(file))
        for name, file in shipped_sweeps().items()
    ]
    if as_json:
        keys = ("name", "description", "profiles", "file")
        say(json.dumps([dict(zip(keys, one, strict=True)) for one in found], indent=1))
        return

    from rich.table import Table

    from pgan_ray.cli.table import show

    table = Table("sweep", "what it shows", "profiles")
    for name, description, profiles, _ in found:
        table.add_row(name, description, " ".join(profiles))
    show(table)
