"""``pgan-ray ui``."""

import os
import socket
import sys

import click

from pgan_ray.cli import options
from pgan_ray.cli.say import say
from pgan_ray.errors import SpecError


@click.command()
@click.argument("directory", metavar="[DIR]", required=False)
@options.tracking_uri
@click.option(
    "--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port of the UI on 127.0.0.1."
)
def ui(directory: str | None, tracking_uri: str | None, port: int) -> None:
    """Open MLflow's UI on the store where the sweep in DIR was tracked, or on the default store.

    Prints the addresses of the list of runs and, with DIR, of that sweep's curves.

    Example: pgan-ray ui results/mnist_alpha-quick-20260102-030405-ab12
    """
    from pgan_ray.results import Store, read_sweep, redact
    from pgan_ray.tracking import existing_store, links, tracking_uri_of

    store = Store(directory) if directory else None
    record = store.at_start(lambda: read_sweep(store)) if store else None
    facts, place = (record.facts, store.location) if store and record else ({}, ".")
    uri = tracking_uri_of(facts, tracking_uri, directory=place)
    on_server = uri.startswith(("http://", "https://"))
    if not on_server:
        _check_port(port)
        uri = existing_store(uri)
    address = uri.rstrip("/") if on_server else f"http://127.0.0.1:{port}"
    pages = links(redact(address), uri, record)
    say(f"MLflow's UI on {redact(uri)}: {redact(address)}" + ("" if on_server else " (Ctrl-C ends it)"))
    for content, link in pages.items():
        say(f"{content}: {link}")
    if on_server:
        return
    os.environ["MLFLOW_BACKEND_STORE_URI"] = uri  # not an argument: everybody on the machine can read those
    command = ["-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port)]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *command])


def _check_port(port: int) -> None:
    """See that the UI can listen: MLflow itself ends with 0 where it cannot."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the UI does: one that has just ended is no bar
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            reason = f"{port} ({error.strerror})"
            raise SpecError([f"--port: must be free on 127.0.0.1, got {reason}: name another"]) from None
