"""``pgan-ray sweep``."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from pgan_ray.cli import options
from pgan_ray.cli.say import say
from pgan_ray.cost import PointsOf
from pgan_ray.spec import Sweep
from pgan_ray.spec.yaml_file import dump_yaml


@click.command()
@options.sweep_file
@options.choosing
@click.option("--dry-run", is_flag=True, help="Check the sweep, show it with all its defaults, and stop.")
@click.option("--out", metavar="DIR", help="Where results go: a directory or s3://... Default: results/<sweep id>.")
@click.option(
    "--warm-start", "warm_from", metavar="DIR", help="For a search: start with the best trials of the search in DIR."
)
@options.really_large
@options.running
def sweep(
    file: str,
    profile: str,
    overrides: tuple[str, ...],
    dry_run: bool,
    out: str | None,
    warm_from: str | None,
    yes_really_large: bool,
    **running: Any,
) -> None:
    """Run the sweep FILE: train its generators and victims, and write the results to MLflow and a directory.

    FILE: a path, or the name of a shipped sweep (`pgan-ray sweeps` lists them).

    Example: pgan-ray sweep mnist_alpha --profile quick --set attack.replicates=2
    """

    from pgan_ray.api import joins_cluster, new_sweep, resolve_sweep
    from pgan_ray.cli.ending import run, run_options
    from pgan_ray.cli.terminal import make_progress
    from pgan_ray.runner.limits import check_limits

    choice, as_json = run_options(running), running["as_json"]
    progress = make_progress()
    resolved = resolve_sweep(
        file, profile, overrides, choice, progress.notice, really_large=yes_really_large, warm_from=warm_from
    )
    if dry_run:
        to_join = joins_cluster(choice)
        check = partial(check_limits, resolved, f"{file}:", to_join=to_join, really_large=yes_really_large)
        _check_data(resolved, choice.data_dir, check)
        _show(resolved, as_json)
        return
    record, store = new_sweep(resolved, out)
    run(record, store, choice, progress, as_json=as_json)


def _check_data(resolved: Sweep, data_dir: Path | None, check: Callable[[PointsOf], None]) -> None:
    from pgan_ray.data import DataAbsentError
    from pgan_ray.forecast import points_at_hand
    from pgan_ray.runner.prepare import check_fractions, load_datasets

    check_fractions(resolved)
    try:
        notice = partial(say, err=True)
        datasets, _ = load_datasets(resolved, data_dir, notice, may_download=False)
    except DataAbsentError as absent:
        say(f"not checked against the data: {absent}", err=True)
    else:
        check(points_at_hand(resolved, datasets))


def _show(resolved: Sweep, as_json: bool) -> None:
    counts = {
        "profile": resolved.profile,
        "configurations": len(resolved.configurations),
        "generators": resolved.generators,
        "cells": resolved.cells,
    }
    if as_json:
        ids = [configuration.id for configuration in resolved.configurations]
        say(json.dumps({**counts, "configuration_ids": ids, "document": resolved.document}, indent=1))
        return
    say(dump_yaml(resolved.document), nl=False)
    say(
        "# configurations: "
        + ", ".join(resolved.called(c.id) for c in resolved.configurations[:20])
        + (", ..." if len(resolved.configurations) > 20 else "")
    )
    say("# " + ", ".join(f"{key} {value}" for key, value in counts.items()))
