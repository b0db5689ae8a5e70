"""What a search costs around its training: asking, trial files, waves of the driver, with the training left out.

    python infra/benchmarks/search.py 200 1000
    python infra/benchmarks/search.py 200 --method gp

runs searches of so many trials on the local executor, without MLflow, and prints a line of figures for each.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from infra.benchmarks.orchestration import NoTraining, no_evaluation
from pgan_ray.results import Store, Trial, read_sweep
from pgan_ray.runner import Engine, LocalExecutor, SearchRun, Silent
from pgan_ray.runner.prepare import load_datasets
from pgan_ray.search.sampler import Asked, Sampler
from pgan_ray.spec import SweepRecord, TrialKey, load_sweep
from pgan_ray.tracking import NullTracker


def sweep_file(trials: int, method: str, parallel: int) -> dict[str, object]:
    """A search of so many trials, of two generators and three victims of each, in five dimensions."""
    rates = {"range": [1e-4, 1e-1], "log": True}
    return {
        "name": "search-benchmark",
        "dataset": {"name": "digits"},
        "task": {"classes": [3, 5], "poison_class": 5, "source_class": 3},
        "search": {"method": method, "trials": trials, "parallel": parallel, "confirm": {"top": 3, "runs": 2}},
        "attack": {
            "alpha": {"range": [0.01, 1.0], "log": True},
            "lambda_prior": {"range": [0.3, 1.0]},
            "sample_from": {"choice": ["last", "average"]},
            "replicates": 2,
            "iterations": 50,
            "discriminator": {"widths": [16], "optimizer": {"name": "sgd", "learning_rate": rates}},
            "classifier": {"widths": [16], "optimizer": {"name": "adam", "learning_rate": rates}},
        },
        "evaluation": {
            "poison_fractions": [0, 0.4],
            "runs": 3,
            "train_per_class": 50,
            "trusted_per_class": 40,
            "poison_set_size": 100,
        },
    }


def run(trials: int, method: str, parallel: int, folder: Path) -> dict[str, float]:
    """One search; its figures."""
    sweep = load_sweep(sweep_file(trials, method, parallel), really_large=True)
    record, store = SweepRecord(f"search-{trials}", sweep, {"cpu": "none"}), Store(folder)
    store.write("sweep.yaml", record.to_yaml().encode())
    datasets, _ = load_datasets(sweep, None, lambda line: None)
    asked: list[float] = []
    ask = Sampler.ask

    def timed(self: Sampler, key: TrialKey, before: Sequence[Trial]) -> Asked:
        began = time.monotonic()
        found = ask(self, key, before)
        asked.append(time.monotonic() - began)
        return found

    engine = Engine(NoTraining, no_evaluation)
    searching = SearchRun(
        record, store, datasets, LocalExecutor, NullTracker(), Silent(), members=(2, 6), engine=engine
    )
    start = time.monotonic()
    with patch.object(Sampler, "ask", timed):
        outcome = searching.run()
    seconds = time.monotonic() - start
    assert outcome.outcome == "complete", outcome.failures[:1]
    start = time.monotonic()
    read_sweep(store)
    return {
        "trials": trials,
        "seconds": seconds,
        "asking_s": sum(asked),
        "last_ask_ms": 1e3 * asked[-1],
        "ms_per_trial_around": 1e3 * (seconds - sum(asked)) / trials,
        "read_back_s": time.monotonic() - start,
        "driver_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def main() -> None:
    """Print the figures of each search."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trials", type=int, nargs="+")
    parser.add_argument("--method", default="tpe")
    parser.add_argument("--parallel", type=int, default=4)
    given = parser.parse_args()
    for trials in given.trials:
        with tempfile.TemporaryDirectory() as folder:
            figures = run(trials, given.method, given.parallel, Path(folder, "sweep"))
        sys.stdout.write(json.dumps({name: round(value, 3) for name, value in figures.items()}) + "\n")


if __name__ == "__main__":
    main()
