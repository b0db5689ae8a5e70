"""The course of a search, trial by trial."""

from dataclasses import replace
from pathlib import Path

import pytest

from pgan_ray.results import Directory, Estimate, Probe, Store, known_trials, write_trial
from pgan_ray.spec import SweepRecord, with_known
from pgan_ray.tracking.events import SweepExtended, SweepStarted, Training
from pgan_ray.tracking.publisher import Publisher
from tests.searches import STOPS, small_search, trial
from tests.tracking.reading import Reader
from tests.tracking.tracking_sweep import training_rows

RECORD = SweepRecord("one", small_search(**STOPS, search__rungs=[0.5]), {"cpu": "some"})
PROBE = Probe(0.5, Estimate(0.1, None, 2, 2), Estimate(-0.2, None, 2, 2))


def extended(store: Store) -> SweepExtended:
    return SweepExtended(with_known(RECORD.sweep, known_trials(store, RECORD)))


@pytest.fixture
def publisher(sqlite_uri: str, tmp_path: Path) -> Publisher:
    store = Store(tmp_path / "sweep")
    store.write("sweep.yaml", RECORD.to_yaml().encode())
    found = Publisher(Directory(store, RECORD, strict=True), sqlite_uri, "pgan-ray")
    found.publish(SweepStarted())
    return found


def test_what_was_told_of_a_trial_is_not_read_again(
    publisher: Publisher, sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, read, names = publisher.directory.store, Store.read, list[str]()
    for number, harm in enumerate((0.2, 0.1)):
        write_trial(store, RECORD, trial(number, harm))
    write_trial(store, RECORD, replace(trial(2), state="running"))
    publisher.publish(extended(store))
    write_trial(store, RECORD, trial(2, 0.3))
    later = extended(store)

    def noting(self: Store, name: str, at_most: int | None = None) -> bytes:
        names.append(name)
        return read(self, name, at_most)

    monkeypatch.setattr(Store, "read", noting)
    publisher.publish(later)
    assert names == ["search/trial/0002.json"]
    again = Publisher(publisher.directory, sqlite_uri, "pgan-ray")  # another process, which knows nothing
    again.publish(later)
    reader = Reader(sqlite_uri)
    assert reader.curve("one", "search/trial/harm") == [(0, 0.2), (1, 0.1), (2, 0.3)]
    assert reader.curve("one", "search/trial/best") == [(0, 0.2), (1, 0.2), (2, 0.3)]


def test_runs_of_a_trial_that_was_stopped_end_with_it(publisher: Publisher, sqlite_uri: str) -> None:
    store = publisher.directory.store
    write_trial(store, RECORD, replace(trial(0), state="running", probes=(PROBE,)))
    publisher.publish(extended(store))
    publisher.publish(Training("trial=0000", 1, training_rows(1)[:1]))
    reader = Reader(sqlite_uri)
    assert {reader.statuses()[name] for name in ("one", "trial=0000", "trial=0000/r1")} == {"RUNNING"}
    write_trial(store, RECORD, replace(trial(0), state="stopped", probes=(PROBE,)))
    publisher.publish(extended(store))
    assert reader.statuses() == {"one": "RUNNING", "trial=0000": "KILLED", "trial=0000/r1": "KILLED"}
    assert reader.curve("trial=0000", "probe/harm") == [(50, 0.1)]
    assert reader.curve("trial=0000", "probe/detectability") == [(50, -0.2)]
    assert reader.runs()["trial=0000"].data.tags["pgan.state"] == "stopped"
