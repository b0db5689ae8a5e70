"""The command group. Commands import what they need when they are called: ``--help`` is instant."""

import importlib
import io
import sys

import click

from pgan_ray import __version__
from pgan_ray.cli.say import say
from pgan_ray.cli.watchdog import watched
from pgan_ray.errors import PganRayError

COMMANDS = {
    "sweep": "Run a sweep file.",
    "check": "Describe a file of your own data.",
    "init": "Write a sweep file to start from.",
    "sweeps": "List the sweeps that come with pgan-ray.",
    "submit": "Send a sweep to a cluster's job server.",
    "resume": "Finish an interrupted sweep.",
    "extend": "Add trials to a search, or values or replicates to a grid.",
    "pause": "Stop a search after its current wave of trials.",
    "status": "Show a sweep's progress, from any terminal.",
    "list": "List sweeps with their states and strongest attacks.",
    "ui": "Open MLflow's UI.",
    "track": "Write a sweep's results to MLflow again.",
    "report": "Write a report with figures and a comparison with the paper.",
    "best": "Rank a sweep's attacks by harm, undetected ones first.",
    "plan": "Estimate a sweep's time and cost before it runs.",
    "bench": "Measure the speed of the training engine on this machine.",
    "completion": "Print or install shell completion.",
}


class _Commands(click.Group):
    """Loads a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"pgan_ray.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pgan-ray")
def group() -> None:
    """How much harm can stealthy data poisoning do to a classifier?

    Trains pGAN generators, and victims on their poison, on a Ray cluster or this machine. Every result goes to MLflow.

    Example: pgan-ray sweep mnist_alpha
    """


def main() -> None:
    """The entry point of the ``pgan-ray`` command."""
    _print_anything()
    with watched():
        _main()


def _main() -> None:
    try:
        group(standalone_mode=False)
    except PganRayError as error:
        for line in str(error).splitlines():
            say(f"error: {line}", err=True)
        sys.exit(2)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        say(shown.getvalue(), err=True, nl=False)
        sys.exit(2)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        say("interrupted", err=True)
        sys.exit(130)


def _print_anything() -> None:
    """What a terminal's encoding cannot say (ASCII has no ±) is spelt out: a finished sweep must not fail of it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
