"""Running a sweep's record and printing how it ended: what `sweep` and `resume` share."""

import json
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from pgan_ray.api import RunOptions, SweepResult, run_record
from pgan_ray.cli.say import say
from pgan_ray.cli.table import (
    changes_table,
    confirmations_table,
    error_table,
    ranking_table,
    rates_table,
    show,
    worst_table,
)
from pgan_ray.results import Store, answer, redact, result_points, rule_for
from pgan_ray.runner import ProgressDisplay
from pgan_ray.runner.progress import clock
from pgan_ray.spec import SweepRecord
from pgan_ray.text import printable, typed
from pgan_ray.tracking import option_for, recorded

EXIT_CODES = {"complete": 0, "partial": 1, "failed": 1, "paused": 3, "interrupted": 130}
TERMINATED = 143
MOST_DOUBTS = MOST_OF_A_KIND = 10
MOST_CURVES = 24  # more fill screens
MOST_LOOKED_AT = 1000  # generators: each has a file


def run_options(given: Mapping[str, Any]) -> RunOptions:
    """The options of `pgan_ray.cli.options.running`, without how results are printed."""
    return RunOptions(**{field.name: given[field.name] for field in fields(RunOptions)})


def run(record: SweepRecord, store: Store, options: RunOptions, progress: ProgressDisplay, *, as_json: bool) -> None:
    """Run what is not finished, print what came of it, and exit with the code that says so."""
    result = run_record(record, store, options, progress)
    _show(result, as_json)
    assert result.run is not None  # it was just run
    if result.signal is not None:
        sys.exit(TERMINATED if result.signal == signal.SIGTERM else EXIT_CODES["interrupted"])
    sys.exit(EXIT_CODES[result.run.outcome])


def listed(kind: str, texts: Sequence[str], most: int) -> Iterator[str]:
    """A line for each of ``texts``, of at most so many; the others are counted."""
    yield from (f"{kind}: {text}" for text in texts[:most])
    if len(texts) > most:
        yield f"{kind}: {len(texts) - most:,} more, which summary.json lists"


def _show(result: SweepResult, as_json: bool) -> None:
    outcome = result.run
    assert outcome is not None
    sweep = result.record.sweep
    results = sweep.result_ids
    if as_json:
        say(json.dumps(outcome.summary, indent=1))
    elif outcome.points:
        if found := answer(sweep, outcome.points, outcome.changes, outcome.by_defence):
            say(printable(found))
        if confirmed := result.confirmations():
            show(confirmations_table(confirmed, sweep))
        points = result_points(sweep, outcome.points)
        changes = [change for change in outcome.changes if change.configuration in results]
        if outcome.by_defence:
            show(worst_table(outcome.by_defence, sweep))
        curves = len({(point.configuration, point.variant) for point in points})
        if curves > MOST_CURVES:
            if changes and not outcome.by_defence:
                show(ranking_table(result.ranking()[:MOST_OF_A_KIND], sweep, rule_for(sweep)))
            best = f"pgan-ray best {typed(redact(result.directory))}"
            say(f"tables of {curves:,} curves are in the report, and `{best}` ranks the attacks")
        else:
            if any("test_error" in point.rates for point in points):
                show(error_table(points, sweep))
            if points:
                show(rates_table(points, sweep))
            if changes:
                show(changes_table(changes, sweep))
    if outcome.points and sweep.generators <= MOST_LOOKED_AT:
        for configuration, text in result.health().items():
            if configuration not in results:
                continue
            say(f"{sweep.called(configuration)}: {text}", err=True)
    doubts = [(configuration, text) for configuration, text in outcome.doubts if configuration in results]
    for configuration, text in doubts[:MOST_DOUBTS]:
        say(f"warning: {sweep.in_words(f'{configuration}: {text}')}", err=True)
    if len(outcome.devices) > 1:
        say(
            f"computed on several kinds of device, whose results are not bit-identical: {'; '.join(outcome.devices)}",
            err=True,
        )
    told = {"failed": outcome.failures, "diverged": outcome.diverged, "retried": outcome.retried}
    for kind, texts in told.items():
        for line in listed(kind, texts, len(texts) if kind == "failed" else MOST_OF_A_KIND):
            say(sweep.in_words(line), err=True)
    place = redact(result.directory)
    where = typed(place)
    again = option_for(result.tracking_uri) if result.tracking_uri else ""
    say(f"{outcome.outcome} after {clock(outcome.seconds)}; rows, generators and summary: {place}", err=True)
    if result.tracking_uri:
        tracked = recorded(result.tracking_uri)
        say(f"compare in MLflow ({tracked}): pgan-ray ui {where}{again}", err=True)
    else:
        say(f"not in MLflow yet; to write it there: pgan-ray track {where}", err=True)
    if outcome.can_go_on:
        only_failed = outcome.outcome == "partial" and not outcome.cells_without_row
        what = (
            "once the component that failed is fixed, to run its cells again"
            if only_failed
            else "to run what is missing"
        )
        say(f"{what}: pgan-ray resume {where}{again}", err=True)
    if result.has_report:
        say(f"the report: {redact(result.report())}", err=True)
