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
    help="Where the report goes: a directory or s3://... Default: DIR/report; of several sweeps ./comparison.",
)
@click.option(
    "--price-per-actor-hour",
    type=options.Price(),
    metavar="P",
    help="Price of one hour of one actor, to give the compute used as money. `plan` asks for that of a GPU or core: an "
    "actor has as many of them, or as small a share of one, as the sweep's `resources` say.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
def report(directories: tuple[str, ...], out: str | None, price_per_actor_hour: float | None, opens: bool) -> None:
    """Write the report on the sweep in DIR, finished or not: one HTML page, its figures (PNG, SVG) and tables (CSV).

    Of several DIRs: the sweeps side by side, as far as they have series in common, with what differs from the first.
    Prints where the page is.

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
        say("--open: the page is in a store that a browser does not read", err=True)
    elif opens:
        click.launch(page)
