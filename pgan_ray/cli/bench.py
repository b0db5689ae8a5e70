"""``pgan-ray bench``."""

import json
from dataclasses import asdict

import click

from pgan_ray.cli.say import say


@click.command()
@click.option(
    "--sweep",
    "file",
    metavar="FILE",
    default="mnist_alpha",
    show_default=True,
    help="The sweep file or shipped sweep whose network shapes are measured.",
)
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    help="May be repeated. Default: paper and quick-full, or all of the file's profiles if it has neither.",
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="CPU threads per measurement.")
@click.option(
    "--rounds",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Rounds of measurement; the median is reported.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bf16"]),
    default="float32",
    show_default=True,
    help="Precision of the engine; plain PyTorch always uses float32.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def bench(file: str, profiles: tuple[str, ...], threads: int, rounds: int, precision: str, as_json: bool) -> None:
    """Compare the speed of the training engine, plain PyTorch and bare matrix products on this machine, in one run.

    Example: pgan-ray bench --threads 2 --rounds 5
    """
    from pgan_ray.bench import run_benchmark
    from pgan_ray.cli.table import show
    from pgan_ray.spec import load_sweep, profile_names, sweep_text

    source = sweep_text(file)
    offered = profile_names(source)
    names = profiles or [name for name in ("paper", "quick-full") if name in offered] or offered
    shapes = {name: load_sweep(source, profile=name).configurations[0].settings for name in names}
    rows = run_benchmark(shapes, rounds=rounds, threads=threads, precision=precision)
    if as_json:
        say(json.dumps([asdict(row) for row in rows], indent=1))
        return

    from rich.table import Table

    table = Table(title=f"{threads} thread(s), {precision}, median of {rounds} rounds, interleaved")
    for column in ("work", "ms per member", "GFLOP/s", "of torch.mm", "x plain"):
        table.add_column(column, justify="left" if column == "work" else "right")
    gemm = rows[0]
    by_name = {row.name: row for row in rows}
    for row in rows:
        each = row.seconds / row.members
        plain = by_name.get(row.plain)
        ratio = f"{plain.seconds / each:.2f}" if plain else "-"
        table.add_row(row.name, f"{1e3 * each:.2f}", f"{row.rate / 1e9:.0f}", f"{row.rate / gemm.rate:.2f}", ratio)
    show(table)
