"""The Python API: `run_sweep`, `resume_sweep`, `extend_sweep` and `open_sweep`."""

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pgan_ray.api.extend import extend_grid, extend_search
from pgan_ray.api.extend import warm_start as start_of
from pgan_ray.api.profile import choose_profile
from pgan_ray.api.result import SweepResult
from pgan_ray.api.run import ExecutorName, RunOptions, joins_cluster, run_record
from pgan_ray.errors import SpecError
from pgan_ray.results import Store, check_new, read_sweep, shorten_retries
from pgan_ray.runner import ProgressDisplay, Silent
from pgan_ray.runner.limits import check_limits
from pgan_ray.spec import Sweep, SweepRecord, foreign_names, load_sweep, sweep_text


class _Lines(Silent):
    """A progress that hands every notice to a callback."""

    def __init__(self, callback: Callable[[str], None]) -> None:
        self._callback = callback

    def notice(self, text: str) -> None:
        """Hand on one line."""
        self._callback(text)


def run_sweep(
    sweep: str | Path | Mapping[str, Any],
    *,
    profile: str = "auto",
    set: Mapping[str, Any] | None = None,  # noqa: A002 - as `--set` on the command line
    out: str | Path | None = None,
    executor: ExecutorName = "ray",
    address: str | None = None,
    tracking_uri: str | None = None,
    offline_tracking: bool = False,
    data_dir: str | Path | None = None,
    expect_gpus: bool = False,
    really_large: bool = False,
    warm_start: str | Path | None = None,
    progress: ProgressDisplay | Callable[[str], None] | None = None,
) -> SweepResult:
    """Run a sweep to its end: generators, victims, results in MLflow and in a directory.

    Args:
        sweep: a sweep file, the name of a shipped sweep, or a file's content as a mapping.
        profile: one of its profiles; ``auto`` chooses as the command line does.
        set: values that override the file's, by key, such as ``{"attack.replicates": 2}``.
        out: where results go, a directory or ``s3://...``; by default ``results/<sweep id>``.
        executor: ``ray``, or ``local``: in this process, without Ray, one thing after the other.
        address: the Ray cluster to join; by default ``RAY_ADDRESS``, else this machine.
        tracking_uri: MLflow's store or server; by default ``MLFLOW_TRACKING_URI``, else ``./mlflow.db``.
        offline_tracking: do not write to MLflow; ``pgan-ray track`` does so later.
        data_dir: the folder with the IDX files of MNIST and Fashion-MNIST, if you have them.
        expect_gpus: request GPUs even if the cluster has none yet.
        really_large: allow sweeps beyond the usual limits on size, as ``--yes-really-large`` does.
        warm_start: for a search: the directory of another search, whose best trials are tried first.
        progress: a function that takes each notice, one line of text; or a `ProgressDisplay`, which gets counts too.

    Returns:
        The results; `SweepResult.outcome` says whether they are complete. After an interrupt (Ctrl-C, or a notebook's
        stop) they hold what is finished, and the outcome is ``interrupted``.

    Raises:
        PganRayError: the input is not valid; it is raised before anything starts.
    """
    options = _options(executor, address, tracking_uri, offline_tracking, data_dir, expect_gpus)
    display = _display(progress)
    resolved = resolve_sweep(
        sweep,
        profile,
        _overrides(set or {}),
        options,
        display.notice,
        really_large=really_large,
        warm_from=warm_start,
    )
    record, store = new_sweep(resolved, out)
    return _run(record, store, options, display)


def resume_sweep(
    directory: str | Path,
    *,
    executor: ExecutorName = "ray",
    address: str | None = None,
    tracking_uri: str | None = None,
    offline_tracking: bool = False,
    data_dir: str | Path | None = None,
    expect_gpus: bool = False,
    progress: ProgressDisplay | Callable[[str], None] | None = None,
) -> SweepResult:
    """Finish the sweep in ``directory``: finished generators and victims are kept, the rest is run.

    The arguments are those of `run_sweep`. Classes that the sweep names by import path are imported and run: resume
    only a directory that you trust. Raises `PganRayError` if the directory holds no sweep that can be resumed.
    """
    options = _options(executor, address, tracking_uri, offline_tracking, data_dir, expect_gpus)
    store, display = Store(directory), _display(progress)
    return _run(record_to_resume(store, display.notice), store, options, display)


def extend_sweep(
    directory: str | Path,
    *,
    add: Mapping[str, Sequence[Any]] | None = None,
    replicates: int | None = None,
    trials: int | None = None,
    executor: ExecutorName = "ray",
    address: str | None = None,
    tracking_uri: str | None = None,
    offline_tracking: bool = False,
    data_dir: str | Path | None = None,
    expect_gpus: bool = False,
    progress: ProgressDisplay | Callable[[str], None] | None = None,
) -> SweepResult:
    """Add to the sweep in ``directory`` and run it to its end: trials to a search, values or replicates to a grid.

    ``add``: for a finished grid, values to append to its grids, such as ``{"attack.alpha": [0.7, 0.9]}``.
    ``replicates``: for a finished grid, the number of replicates to add to each attack. ``trials``: for a search, the
    number of trials to add. The other arguments are those of `run_sweep`. Extend only a directory that you trust, as
    for `resume_sweep`. Raises `PganRayError` if the sweep cannot be extended in this way.
    """
    options = _options(executor, address, tracking_uri, offline_tracking, data_dir, expect_gpus)
    if (trials is None) == (add is None and replicates is None):
        got = "neither" if trials is None else "both"
        raise SpecError(
            [f"extend_sweep: must have `trials` (for a search), or `add` or `replicates` (for a grid), got {got}"]
        )
    for name, number in (("trials", trials), ("replicates", replicates)):
        if number is not None and (type(number) is not int or number < 1):
            raise SpecError([f"{name}: must be a whole number of at least 1, got {number!r}"])
    if add is not None and not (isinstance(add, Mapping) and add and all(_is_some(values) for values in add.values())):
        raise SpecError([f"add: must map paths of grids to non-empty lists of values, got {add!r}"])
    store = Store(directory)
    additions = [one for path, values in (add or {}).items() for value in values for one in _overrides({path: value})]
    record = (
        extend_grid(store, additions, replicates=replicates or 0) if trials is None else extend_search(store, trials)
    )
    return _run(record, store, options, _display(progress))


def open_sweep(directory: str | Path) -> SweepResult:
    """The results in a sweep's ``directory``, finished or not. Raises `SpecError` if it holds no sweep."""
    store = Store(directory)
    return SweepResult(store, store.at_start(lambda: read_sweep(store)))


def resolve_sweep(
    sweep: str | Path | Mapping[str, Any],
    profile: str,
    overrides: tuple[str, ...],
    options: RunOptions,
    notice: Callable[[str], None],
    *,
    really_large: bool = False,
    warm_from: str | Path | None = None,
) -> Sweep:
    """The resolved sweep. The profile ``auto`` becomes one that suits where the sweep runs. Raises `SpecError`.

    ``warm_from``: the directory of another search, whose best trials this one tries first.
    """
    source = dict(sweep) if isinstance(sweep, Mapping) else sweep_text(sweep)  # once: it may be a pipe

    def load(name: str) -> Sweep:
        return load_sweep(source, profile=name, overrides=overrides, really_large=really_large)

    resolved = load(choose_profile(source, load, options, notice) if profile == "auto" else profile)
    if warm_from is not None:
        overrides = (*overrides, start_of(resolved.search, warm_from))
        resolved = load(resolved.profile)
    origin = "sweep:" if isinstance(sweep, Mapping) else f"{sweep}:"
    check_limits(resolved, origin, to_join=joins_cluster(options), really_large=really_large)
    return resolved


def new_sweep(resolved: Sweep, out: str | Path | None) -> tuple[SweepRecord, Store]:
    """A new record of the sweep, and its directory. Raises `SpecError` if ``out`` is not empty."""
    sweep_id = f"{resolved.name}-{resolved.profile}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    store = Store(Path("results", sweep_id) if out is None else out)
    store.at_start(lambda: check_new(store))
    return SweepRecord(sweep_id, resolved), store


def record_to_resume(store: Store, notice: Callable[[str], None]) -> SweepRecord:
    """The record of the sweep in ``store``. ``notice`` is told whose classes it imports. Raises `SpecError`."""
    record = store.at_start(lambda: read_sweep(store))
    if others := foreign_names(record.sweep):
        notice(f"running the code that its sweep.yaml names: {', '.join(others)}")
        record = store.at_start(lambda: read_sweep(store, imports=True))
    return record


def _is_some(values: Any) -> bool:
    return isinstance(values, Sequence) and not isinstance(values, str) and bool(values)


def _run(record: SweepRecord, store: Store, options: RunOptions, display: ProgressDisplay) -> SweepResult:
    try:
        return run_record(record, store, options, display)
    finally:
        shorten_retries(False)  # after an interrupt: the process goes on, and so does its patience with a store


def _options(
    executor: ExecutorName,
    address: str | None,
    tracking_uri: str | None,
    offline_tracking: bool,
    data_dir: str | Path | None,
    expect_gpus: bool,
) -> RunOptions:
    own = None if data_dir is None else Path(data_dir)
    return RunOptions(executor, own, address, expect_gpus, tracking_uri, offline_tracking)


def _overrides(given: Mapping[str, Any]) -> tuple[str, ...]:
    """As ``--set`` has them: JSON is YAML."""
    try:
        return tuple(f"{key}={json.dumps(value, ensure_ascii=False, allow_nan=False)}" for key, value in given.items())
    except (TypeError, ValueError) as error:
        raise SpecError(
            [f"set: must hold only numbers, text, booleans, null, lists and mappings, got another ({error})"]
        ) from None


def _display(progress: ProgressDisplay | Callable[[str], None] | None) -> ProgressDisplay:
    if progress is None:
        return Silent()
    if isinstance(progress, ProgressDisplay):
        return progress
    return _Lines(progress)
