"""Options that several commands share."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

Command = Callable[..., Any]


class Price(click.FloatRange):
    """A finite number, not below 0: click's own range lets ``nan`` and ``inf`` through."""

    def __init__(self) -> None:
        super().__init__(min=0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        price = super().convert(value, param, ctx)
        if not math.isfinite(price):
            self.fail(f"must be a finite number, got {value}", param, ctx)
        return price


tracking_uri = click.option(
    "--tracking-uri",
    metavar="URI",
    help="MLflow store or server. Default: MLFLOW_TRACKING_URI, else ./mlflow.db.",
)

expect_gpus = click.option(
    "--expect-gpus",
    is_flag=True,
    envvar="PGAN_RAY_EXPECT_GPUS",
    show_envvar=True,
    help="Request GPUs even if the cluster has none yet: an autoscaler will add them.",
)


def complete_directory(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Folders, completed by the shell."""
    return [CompletionItem(incomplete, type="dir")]


def _complete_sweep(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The shipped sweeps, and files, completed by the shell."""
    from pgan_ray.spec import shipped_sweeps

    names = [name for name in shipped_sweeps() if name.startswith(incomplete)]
    return [*map(CompletionItem, names), CompletionItem(incomplete, type="file")]


directory = click.argument("directory", metavar="DIR", shell_complete=complete_directory)

directories = click.argument(
    "directories", metavar="DIR...", nargs=-1, required=True, shell_complete=complete_directory
)

sweep_file = click.argument("file", metavar="FILE", shell_complete=_complete_sweep)

really_large = click.option(
    "--yes-really-large",
    is_flag=True,
    help="Allow more than 10,000 configurations, 20,000 variants, 10 million cells or 100 core years.",
)

overriding = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="A.B=VALUE",
    help="Override a key of the file; VALUE is YAML. May be repeated.",
)


def choosing(command: Command) -> Command:
    """The options that select what part of a sweep file is run."""
    profile = click.option(
        "--profile",
        default="auto",
        show_default=True,
        help="A profile of the file; `body` is the file without a profile. `auto`: `paper` if the file has it and the "
        "cluster has a GPU, else `quick` if the file has it, else `body`.",
    )
    return profile(overriding(command))


def running(command: Command) -> Command:
    """The options of the commands that run a sweep, with the names that `pgan_ray.api.RunOptions` has."""
    options = [
        click.option(
            "--data-dir",
            type=click.Path(path_type=Path),
            envvar="PGAN_RAY_DATA",
            show_envvar=True,
            help="Folder of the IDX files of MNIST and Fashion-MNIST, if you have them.",
        ),
        click.option(
            "--executor",
            type=click.Choice(["ray", "local"]),
            default="ray",
            show_default=True,
            help="`local`: sequentially in this process, without Ray, for debugging.",
        ),
        click.option("--address", help="The Ray cluster to join. Default: RAY_ADDRESS, else this machine."),
        expect_gpus,
        tracking_uri,
        click.option(
            "--offline-tracking", is_flag=True, help="Do not write to MLflow; `pgan-ray track DIR` does so later."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON."),
        click.option("--verbose", is_flag=True, help="Also show the output of Ray and Tune."),
    ]
    for option in reversed(options):
        command = option(command)
    return command
