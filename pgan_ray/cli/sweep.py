"""``pgan-ray sweep``."""

import json
import os
import secrets
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from pgan_ray.cli import options
from pgan_ray.cli.limits import check_limits
from pgan_ray.cli.say import say
from pgan_ray.cost import PointsOf
from pgan_ray.errors import SpecError
from pgan_ray.spec import Sweep, SweepRecord, load_sweep, profile_names
from pgan_ray.spec.yaml_file import dump_yaml


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@options.choosing
@click.option("--dry-run", is_flag=True, help="Check and show the resolved sweep, and stop.")
@click.option("--out", metavar="DIR", help="Where results go: a directory or s3://... Default: results/<sweep id>.")
@options.really_large
@options.running
def sweep(
    file: Path,
    profile: str,
    overrides: tuple[str, ...],
    dry_run: bool,
    out: str | None,
    yes_really_large: bool,
    **running: Any,
) -> None:
    """Run the sweep FILE to its end: generators, victims, results in MLflow and in a directory.

    Example: pgan-ray sweep sweeps/mnist_alpha.yaml --profile quick --set attack.replicates=2
    """

    def load(name: str) -> Sweep:
        return load_sweep(file, profile=name, overrides=overrides, really_large=yes_really_large)

    chosen = profile
    if profile == "auto":
        chosen = _choose_profile(file, load, running["address"], expects_gpus=running["expect_gpus"])
    resolved = load(chosen)
    to_join = bool(running["address"] or os.environ.get("RAY_ADDRESS") or running["expect_gpus"])
    check = partial(check_limits, resolved, f"{file}:", to_join=to_join, really_large=yes_really_large)
    check()
    if dry_run:
        _check_data(resolved, running["data_dir"], check)
        _show(resolved, running["as_json"])
        return

    from pgan_ray.cli.run import Options, run_record
    from pgan_ray.results import Store, redact

    sweep_id = f"{resolved.name}-{resolved.profile}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    store = Store(out or Path("results", sweep_id))
    if store.at_start(lambda: store.exists("sweep.yaml")):
        where = redact(store.location)
        raise SpecError(
            [
                f"--out {where}: must not hold a sweep yet; finish that one with "
                f"`pgan-ray resume {where}`, or name another directory"
            ]
        )
    sys.exit(run_record(SweepRecord(sweep_id, resolved), store, Options(**running)))


def _choose_profile(file: Path, load: Callable[[str], Sweep], address: str | None, *, expects_gpus: bool) -> str:
    if "quick" not in profile_names(file):
        return "paper"
    for name in ("paper", "quick"):
        load(name)  # either may be chosen: both must hold before a cluster is asked

    from pgan_ray.cluster import cluster_address, connect, gpus_here

    if expects_gpus:
        has_gpu, place = True, "the cluster"
    elif cluster_address(address):
        with connect(address, evaluator_cpu=1) as cluster:
            has_gpu, place = cluster.has_gpu(), "the cluster"
    else:
        has_gpu, place = gpus_here() > 0, "this machine"
    chosen = "paper" if has_gpu else "quick"
    say(f"profile {chosen}: {place} has {'a' if has_gpu else 'no'} GPU (--profile chooses another)", err=True)
    return chosen


def _check_data(resolved: Sweep, data_dir: Path | None, check: Callable[[PointsOf], None]) -> None:
    from pgan_ray.cli.estimate import points_at_hand
    from pgan_ray.cli.prepare import load_datasets
    from pgan_ray.data import DataAbsentError

    try:
        notice = partial(say, err=True)
        datasets, _ = load_datasets(resolved, data_dir, notice, may_download=False)
    except DataAbsentError as absent:
        say(f"what depends on the data is not checked: {absent}", err=True)
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
        + " ".join(c.id for c in resolved.configurations[:20])
        + (" ..." if len(resolved.configurations) > 20 else "")
    )
    say("# " + ", ".join(f"{key} {value}" for key, value in counts.items()))
