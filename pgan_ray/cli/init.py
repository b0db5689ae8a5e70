"""``pgan-ray init``."""

import os
from pathlib import Path

import click

from pgan_ray.cli.say import say
from pgan_ray.errors import SpecError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--dataset",
    metavar="NAME",
    help="A data set: built in, from an installed package, or package.module:Class. Default: digits.",
)
@click.option(
    "--data", metavar="PATH", help="Your own data (.npz, .parquet or .csv). Its classes and sizes are read from it."
)
@click.option(
    "--study",
    type=click.Choice(["alpha", "field", "worst_case"]),
    default="alpha",
    show_default=True,
    help="The question. alpha: how pGAN's harm depends on its knob alpha; field: which attacks do harm, and which "
    "defences help; worst_case: a search for the strongest pGAN that the detector misses.",
)
@click.option(
    "--victim",
    metavar="NAME",
    help="The classifier under attack: built in, or package.module:Class. Default: a multilayer perceptron.",
)
@click.option("--force", is_flag=True, help="Overwrite FILE.")
def init(file: Path, dataset: str | None, data: str | None, study: str, victim: str | None, force: bool) -> None:
    """Write a sweep file to start from: short, commented, with a profile `quick`, and ready to run.

    Example: pgan-ray init my.yaml --data my.npz --study field --victim my_lab:Wide
    """
    if dataset is not None and data is not None:
        raise click.UsageError("--dataset and --data must not be given together")

    from pgan_ray.api.start import starting_text

    refusal = SpecError([f"{file}: must not exist yet; to overwrite it, add --force"])
    if os.path.lexists(file) and not force:
        raise refusal
    text = starting_text(file, dataset=dataset, data=data, study=study, victim=victim)
    try:
        with file.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise refusal from None
    except (OSError, ValueError) as error:
        raise SpecError([f"{file}: must be a file that can be written, got {error}"]) from None
    say(f"wrote {file}; its first lines say how to run it", err=True)
