"""``pgan-ray report``."""

import click

from pgan_ray.cli import options
from pgan_ray.cli.say import say


@click.command()
@options.directory
@click.option("--out", metavar="DIR", help="Where the report goes: a directory or s3://... Default: DIR/report.")
@click.option(
    "--price-per-actor-hour",
    type=options.Price(),
    metavar="P",
    help="Price of one hour of one actor, to give the compute used as money. `plan` asks for that of a GPU or core: an "
    "actor has as many of them, or as small a share of one, as the sweep's `resources` say.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
def report(directory: str, out: str | None, price_per_actor_hour: float | None, opens: bool) -> None:
    """Write the report on the sweep in DIR, finished or not: one HTML page, its figures (PNG, SVG) and tables (CSV).

    Prints where the page is.

    Example: pgan-ray report results/mnist_alpha-quick-20260102-030405-ab12
    """
    from pgan_ray.report import write_report
    from pgan_ray.results import Store, read_sweep, redact

    source = Store(directory)
    source.at_start(lambda: read_sweep(source))  # before anything is written
    target = Store(out) if out else source.below("report")
    target.check()
    names = write_report(
        source,
        target,
        price_per_actor_hour=price_per_actor_hour,
        left_out=lambda what: say(f"left out: {what}", err=True),
    )
    say(f"{len(names)} files written to {redact(target.location)}", err=True)
    page = redact(target.place(names[0]))
    say(page)
    if opens and "://" in page:
        say("--open: the page is in a store that a browser does not read", err=True)
    elif opens:
        click.launch(page)
