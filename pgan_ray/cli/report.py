"""``pgan-ray report``."""

from functools import partial

import click

from pgan_ray.cli import options
from pgan_ray.cli.say import say


@click.command()
@options.directories
@click.option(
    "--out",
    metavar="DIR",
    help="Where to write the report: a directory or s3://... Default: DIR/report; for several DIRs ./comparison.",
)
@click.option(
    "--price-per-actor-hour",
    type=options.Price(),
    metavar="P",
    help="Price of one actor for one hour, to show the compute used as a cost. `plan` takes the price of a GPU or core "
    "instead; an actor uses as many of these, or the share of one, that the sweep's `resources` set.",
)
@click.option("--open", "opens", is_flag=True, help="Open the report in a browser.")
def report(directories: tuple[str, ...], out: str | None, price_per_actor_hour: float | None, opens: bool) -> None:
    """Write a report on the sweep in DIR, finished or not: one HTML page, with its figures (PNG, SVG) and tables (CSV).

    With several DIRs: a comparison of the sweeps in the series they share, with the differences from the first.
    Prints the path of the page.

    Example: pgan-ray report results/mnist_alpha-quick-20260102-030405-ab12
    """
    from pgan_ray.report import write_comparison, write_report
    from pgan_ray.results import Store, read_sweep, redact

    if price_per_actor_hour is not None and len(directories) > 1:
        raise click.UsageError("--price-per-actor-hour must go with one DIR, got several")
    sources = [Store(directory) for directory in directories]
    for source in sources:
        source.at_start(partial(read_sweep, source))  # before anything is written
    default = sources[0].below("report") if len(sources) == 1 else Store("comparison")
    target = default if out is None else Store(out)
    target.check(keeps_folder=False)

    def left_out(what: str) -> None:
        say(f"left out: {what}", err=True)

    if len(sources) == 1:
        names = write_report(sources[0], target, price_per_actor_hour=price_per_actor_hour, left_out=left_out)
    else:
        names = write_comparison(sources, target, left_out=left_out)
    say(f"{len(names)} files written to {redact(target.location)}", err=True)
    page = redact(target.place(names[0]))
    say(page)
    if opens and "://" in page:
        say(
            "--open: the report must be on this machine to be opened; a browser cannot read the store that it is in",
            err=True,
        )
    elif opens:
        click.launch(page)
