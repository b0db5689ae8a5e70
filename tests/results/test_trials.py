"""The files of a search's trials: written whole, checked when read."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pgan_ray.errors import SpecError
from pgan_ray.results import (
    Confirmed,
    Estimate,
    Probe,
    Store,
    is_paused,
    known_trials,
    read_confirmed,
    read_sweep,
    read_trials,
    write_confirmed,
    write_trial,
)
from pgan_ray.spec import SweepRecord
from tests.searches import STOPS, small_search, trial


@pytest.fixture
def record() -> SweepRecord:
    return SweepRecord("one", small_search(search__baseline="random"), {"cpu": "some"})


def test_trials_come_back_as_they_were(record: SweepRecord, store: Store) -> None:
    every = [trial(0, 0.5, 0.1), trial(1), trial(0, 0.2, series="random")]
    for one in every:
        write_trial(store, record, one)
    assert list(read_trials(store, record).values()) == every
    assert known_trials(store, record).confirmed == []
    write_confirmed(store, record, Confirmed([("random", 0), ("trial", 0)], 4))
    assert read_confirmed(store, record) == Confirmed([("random", 0), ("trial", 0)], 4)
    assert known_trials(store, record).confirmed == [("random", 0), ("trial", 0)]


def test_what_was_stopped_comes_back_with_its_probes(store: Store) -> None:
    record = SweepRecord("one", small_search(**STOPS, search__rungs=[0.3, 0.6]), {"cpu": "some"})
    scores = Estimate(0.1, None, 2, 2), Estimate(0.2, 0.1, 2, 2)
    one = replace(trial(0), state="stopped", probes=(Probe(0.3), Probe(0.6, *scores)))
    write_trial(store, record, one)
    assert list(read_trials(store, record).values()) == [one]
    assert known_trials(store, record).stopped == {("trial", 0)}
    for probes in ((), (Probe(0.3),), (Probe(0.4, *scores),), (Probe(0.3, scores[0]),)):
        write_trial(store, record, replace(one, probes=probes))
        with pytest.raises(SpecError, match=r"trial/0000\.json: must have (a probe with scores|probes at the rungs)"):
            read_trials(store, record)


def test_a_trial_of_an_earlier_version_has_no_probes(record: SweepRecord, tmp_path: Path) -> None:
    store, file = Store(tmp_path), tmp_path / "search" / "trial" / "0000.json"
    write_trial(store, record, trial(0, 0.5))
    content = json.loads(file.read_text())
    del content["probes"]
    file.write_text(json.dumps(content))
    assert list(read_trials(store, record).values()) == [trial(0, 0.5)]


def test_a_sweep_is_read_with_the_trials_that_are_known(record: SweepRecord, tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write("sweep.yaml", record.to_yaml().encode())
    write_trial(store, record, trial(0, 0.5, alpha=0.7))
    write_confirmed(store, record, Confirmed([("trial", 0)], 4))
    read = read_sweep(store)
    assert (read, read.digest) == (read, record.digest)
    attacks: dict[str, Any] = {one.id: one.settings.attack for one in read.sweep.configurations}
    assert (attacks["trial=0000"].alpha, attacks["confirmed=0000"].alpha) == (0.7, 0.7)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("state", "done", "must have a known state, got done"),
        ("values", {"alpha": 0.1}, "must have a value for each of what is searched"),
        ("values", {"alpha": 7, "iterations": 12, "sample_from": "last"}, "within the range or choice of `alpha`"),
        ("harm", None, "must have scores if and only if it is complete"),
        ("harm", {"mean": "x", "half_width": None, "replicates": 1, "cells": 1}, "must have scores that are numbers"),
        ("memory", 3, "must have the memory of its method"),
        ("digest", "0" * 64, "must be of the sweep one, got one whose digest"),
    ],
)
def test_a_trial_that_is_not_as_it_must_be_is_refused_by_name(
    record: SweepRecord, tmp_path: Path, key: str, value: Any, reason: str
) -> None:
    store, file = Store(tmp_path), tmp_path / "search" / "trial" / "0000.json"
    write_trial(store, record, trial(0, 0.5))
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    with pytest.raises(SpecError, match=rf"trial/0000\.json: .*{reason}"):
        read_trials(store, record)
    for content in (b"", b"[]", b"\xff", b'{"method": "\\ud800"}'):
        file.write_bytes(content)
        with pytest.raises(
            SpecError, match=r"trial/0000\.json: .*; delete it, and `pgan-ray resume` says what else to delete"
        ):
            read_trials(store, record)


@pytest.mark.parametrize("trials", [3, [["trial", "x"]], [["other", 0]], [["trial", 0], ["trial", 0]]])
def test_what_is_confirmed_must_be_trials(record: SweepRecord, tmp_path: Path, trials: Any) -> None:
    store, file = Store(tmp_path), tmp_path / "search" / "confirmed.json"
    write_confirmed(store, record, Confirmed([], 4))
    file.write_text(json.dumps({**json.loads(file.read_text()), "trials": trials}))
    with pytest.raises(SpecError, match=r"search/confirmed\.json: "):
        known_trials(store, record)


def test_a_file_pauses(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert not is_paused(store)
    (tmp_path / "PAUSE").touch()
    assert is_paused(store)
