"""Spans of actors, put together."""

import json

import pytest

from pgan_ray.runner.timeline import Span, Timeline


def timeline(*spans: tuple[str, str, float, float]) -> Timeline:
    made = Timeline()
    for actor, name, start, end in spans:
        made.add(actor, Span(name, start, end))
    return made


def test_busy_leaves_out_the_last_twentieth() -> None:
    both = timeline(("n/1", "a", 0, 100), ("n/2", "b", 0, 95))
    assert both.busy(2) == 1.0
    assert timeline(("n/1", "a", 0, 100), ("n/2", "b", 0, 38)).busy(2) == pytest.approx(0.4)
    assert both.busy(1) == 1.0
    assert both.worked_s() == 195


def test_more_actors_than_slots_are_busy_as_well() -> None:
    assert timeline(("n/1", "a", 0, 100), ("n/2", "b", 0, 50), ("n/3", "c", 50, 100)).busy(2) == 1.0


def test_reports_that_follow_each_other_are_one_span() -> None:
    steps = timeline(("n/1", "a", 0, 10), ("n/1", "a", 10.1, 20), ("n/1", "a", 30, 40), ("n/1", "b", 40, 50))
    events = json.loads(steps.to_json())["traceEvents"]
    assert [(e["name"], e["ts"] / 1e6, e["dur"] / 1e6) for e in events] == [("a", 0, 20), ("a", 30, 10), ("b", 40, 10)]
    assert {(e["ph"], e["pid"], e["tid"]) for e in events} == {("X", "n", 1)}


def test_nothing_done_is_not_busy() -> None:
    assert Timeline().busy(1) is None
    assert timeline(("n/1", "a", 5, 5)).busy(1) is None
