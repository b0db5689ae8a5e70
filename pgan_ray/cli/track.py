"""``pgan-ray track``."""

import click

from pgan_ray.cli import options
from pgan_ray.cli.say import say, say_left_out


@click.command()
@options.directory
@options.tracking_uri
def track(directory: str, tracking_uri: str | None) -> None:
    """Write what DIR holds to MLflow, after an outage or for another server. Running it twice changes nothing.

    Example: pgan-ray track results/mnist_alpha-quick-20260102-030405-ab12 --tracking-uri http://127.0.0.1:5000
    """
    from pgan_ray.results import Store, read_sweep, redact
    from pgan_ray.tracking import rebuild, tracking_uri_of

    store = Store(directory)
    record = store.at_start(lambda: read_sweep(store))
    uri = tracking_uri_of(record.facts, tracking_uri, directory=store.location)
    left_out = rebuild(store, record, tracking_uri=uri)
    say_left_out(store, left_out)
    rest = ", except what was left out" if left_out else ""
    say(f"MLflow ({redact(uri)}) now holds what {redact(store.location)} holds{rest}", err=True)
