"""``pgan-ray ui``."""

import os
import sys

import click

from pgan_ray.cli import options


@click.command(short_help="Open MLflow's UI on the sweeps.")
@click.argument("directory", metavar="[DIR]", required=False)
@options.tracking_uri
@click.option("--port", default=5000, show_default=True, help="Where the UI listens, on 127.0.0.1.")
def ui(directory: str | None, tracking_uri: str | None, port: int) -> None:
    """Open MLflow's UI on the store that the sweep in DIR was tracked in, or on the default one.

    Example: pgan-ray ui
    """
    from pgan_ray.tracking import tracking_uri as resolve

    where = tracking_uri
    if directory and not where:
        from pgan_ray.cli.directory import record_in
        from pgan_ray.results import Store

        where = record_in(Store(directory)).facts.get("tracking_uri")
    uri = resolve(where)
    if uri.startswith(("http://", "https://")):
        click.echo(f"the sweeps are on an MLflow server: open {uri}")
        return
    click.echo(f"MLflow's UI on {uri}: http://127.0.0.1:{port} (Ctrl-C ends it)", err=True)
    command = ["-m", "mlflow", "ui", "--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(port)]
    os.execv(sys.executable, [sys.executable, *command])
