"""``pgan-ray resume``."""

import sys
from pathlib import Path

import click

from pgan_ray.errors import SpecError


@click.command(short_help="Finish an interrupted sweep.")
@click.argument("directory", metavar="DIR")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    envvar="PGAN_RAY_DATA",
    show_envvar=True,
    help="Where MNIST's and Fashion-MNIST's IDX files are, if they are at hand.",
)
@click.option("--address", help="The Ray cluster to join. Default: RAY_ADDRESS, else this machine.")
@click.option(
    "--tracking-uri", help="MLflow's store or server. Default: MLFLOW_TRACKING_URI, else ./mlflow.db."
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--verbose", is_flag=True, help="Show Ray's and Tune's own output too.")
def resume(
    directory: str,
    data_dir: Path | None,
    address: str | None,
    tracking_uri: str | None,
    as_json: bool,
    verbose: bool,
) -> None:
    """Finish the sweep in DIR: finished generators and victims are kept, the rest is run.

    Example: pgan-ray resume results/mnist_alpha-quick-20260102-030405-ab12
    """
    from pgan_ray.cli.run import Options, run_record
    from pgan_ray.results import Store

    store = Store(directory)
    sys.exit(
        run_record(
            read_record_of(directory), store, Options(data_dir, address, tracking_uri, as_json, verbose)
        )
    )


def read_record_of(directory: str):  # type: ignore[no-untyped-def]
    """The record of the sweep in ``directory``. Raises `SpecError` where there is none."""
    from pgan_ray.results import Store
    from pgan_ray.spec import load_record

    store = Store(directory)
    try:
        text = store.read("sweep.yaml").decode()
    except (FileNotFoundError, UnicodeDecodeError):
        raise SpecError([f"{directory}: must be the directory of a sweep, got no sweep.yaml in it"]) from None
    return load_record(text, f"{store.location}/sweep.yaml")
