"""``pgan-ray plan``, and the line that a sweep begins with."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from pydantic import Field

from pgan_ray.cli.plan import plan
from pgan_ray.cost import Points, known_points
from pgan_ray.datasets import DatasetLoader, Loading, RawDataset
from pgan_ray.datasets.load import load_dataset, points_of_data
from pgan_ray.errors import SpecError
from pgan_ray.forecast import Pace, Plan, estimate_line, offer_of
from pgan_ray.forecast.pace import Stack
from pgan_ray.runner import Offer, StageOffer
from pgan_ray.runner.machine import available_cores
from pgan_ray.spec import DatasetConfig, Sweep, TaskSpec
from tests.tiny import dataset_config, tiny_sweep, write_tiny


def points_of(dataset: DatasetConfig, task: TaskSpec) -> Points:
    found = known_points(dataset)
    assert found is not None
    return found


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return tiny_sweep(tmp_path)


def call(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(plan, [str(write_tiny(folder)), *arguments])


class Steady(Pace):
    """A pace of ten seconds for a trial, and one for each cell; actors start at once."""

    def seconds(self, stack: Stack) -> float:
        return float(stack.members) if stack.evaluation else 10.0


STEADY = Steady(start_s=0.0)


def test_a_device_needs_no_measurement_and_more_of_them_are_faster(tmp_path: Path) -> None:
    ended = call(tmp_path, "--device", "h100", "--gpus", "1,4", "--price-per-hour", "3", "--json")
    assert ended.exit_code == 0, ended.output
    one, four = json.loads(ended.stdout)
    assert (one["configurations"], one["generators"], one["cells"]) == (2, 4, 24)
    assert one["clusters"][0]["cluster"] == "1 x h100"
    assert 0 < four["clusters"][0]["seconds"] <= one["clusters"][0]["seconds"]
    hours = one["clusters"][0]["seconds"] / 3600
    assert one["clusters"][0]["price"] == pytest.approx(3 * hours)


def test_few_trials_have_gpus_for_themselves(tmp_path: Path) -> None:
    def generators_by(*arguments: str) -> float:
        # Where products take the time, and not launches.
        wide = ("--set", "attack.classifier.widths=[4000, 4000]", "--set", "attack.iterations=10000")
        ended = call(tmp_path, "--device", "t4", "--json", *wide, *arguments)
        (found,) = json.loads(ended.stdout)
        return float(found["clusters"][0]["stage1_s"])

    whole, quarter = ("--set", "resources.trial.gpu=1"), ("--set", "resources.trial.gpu=0.25")
    assert generators_by("--gpus", "3", *quarter) == generators_by("--gpus", "3", *whole)
    assert generators_by("--gpus", "1", *quarter) > generators_by("--gpus", "2", *quarter)


def test_people_get_a_table_and_the_assumptions(tmp_path: Path) -> None:
    ended = call(tmp_path, "--device", "t4", "--set", "attack.replicates=3")
    assert ended.exit_code == 0, ended.output
    assert "6 generators, 36 cells" in ended.stdout
    assert "assumed for t4" in ended.stdout
    assert "4 x t4" in ended.stdout


def test_cores_by_assumption(tmp_path: Path) -> None:
    ended = call(tmp_path, "--device", "cpu", "--cpus", "8,64", "--json")
    (found,) = json.loads(ended.stdout)
    assert [c["cluster"] for c in found["clusters"]][1:] == ["8 cores", "64 cores"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gpus", "2"], "--gpus must go with a --device that is a GPU"),
        (["--device", "h100", "--cpus", "2"], "--cpus must go with a --device that is not a GPU"),
        (["--device", "h100", "--gpus", "0"], "must be whole numbers greater than 0"),
        (["--device", "h100", "--gpus", "a"], "must be whole numbers greater than 0"),
        (["--device", "b52"], "'b52' is not one of"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, arguments: list[str], message: str) -> None:
    ended = call(tmp_path, *arguments)
    assert ended.exit_code == 2
    assert message in ended.output


def test_actors_that_this_machine_has_no_room_for_are_refused_before_it_is_measured(tmp_path: Path) -> None:
    ended = call(tmp_path, "--set", "resources.evaluator.cpu=1000")
    assert isinstance(ended.exception, SpecError)
    cores = available_cores()
    expected = f"resources.evaluator.cpu: must be at most {cores} on this machine, got 1000"
    assert ended.exception.faults == [expected]
    assert "measuring" not in ended.stderr


def test_they_may_be_planned_for_other_clusters(tmp_path: Path) -> None:
    ended = call(tmp_path, "--set", "resources.trial.cpu=1000", "--device", "cpu", "--cpus", "2000", "--json")
    (found,) = json.loads(ended.stdout)
    assert [c["cluster"] for c in found["clusters"]] == ["2000 cores"]


def test_the_forecast_is_of_the_sweeps_own_trials_and_batches(sweep: Sweep) -> None:
    found = Plan(sweep, (1, 3), points_of).forecast(STEADY, offer_of(sweep, "here", cpus=1, is_local=True))
    # One core: whatever the order, all seconds add up, four clean victims' once for both alphas.
    assert found.seconds == pytest.approx(4 * 10 + 24 - 4)
    wide = Plan(sweep, (1, 3), points_of).forecast(STEADY, offer_of(sweep, "8", cpus=8))
    assert wide.stage1_s == 10


def test_on_a_gpu_every_configuration_trains_its_own_clean_victims(sweep: Sweep, tmp_path: Path) -> None:
    here = offer_of(sweep, "here", cpus=1, is_local=True)
    assert Plan(sweep, (1, 3), points_of, clean_once=False).forecast(STEADY, here).seconds == pytest.approx(64)
    found = [json.loads(call(tmp_path, "--device", device, "--json").stdout)[0] for device in ("h100", "cpu")]
    with_them, without = (one["stage2"]["flop"] for one in found)
    assert 0.8 < without / with_them < 0.9  # a sixth of 24 cells, of which each has about as much to do


def gpus(number: float, *kinds: str) -> Offer:
    """What a cluster with so many of them offers."""
    stage = StageOffer({"CPU": 1.0, "GPU": 0.25}, 4, 2**30)
    total = {"CPU": 4.0, "GPU": number} if number else {"CPU": 4.0}
    return Offer("a cluster", total, stage, stage, 3, None, kinds)


@pytest.mark.parametrize(
    ("here", "reason"),
    [
        (gpus(0), "no GPU has joined yet"),
        (gpus(2), "unknown kind (Ray does not say)"),
        (gpus(2, "b52"), "unknown kind (b52)"),
    ],
)
def test_gpus_that_nothing_is_known_of_are_told_with_the_way_to_an_estimate(
    sweep: Sweep, here: Offer, reason: str
) -> None:
    data = {c.settings.dataset_key: load_dataset(c.settings.dataset, seed=0) for c in sweep.configurations}
    line = estimate_line(sweep, (2, 6), data, here)
    assert reason in line
    assert "`pgan-ray plan FILE --device a100|h100|h200|l4|t4`" in line


def test_a_sweep_does_not_wait_for_the_estimate_of_a_huge_one(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pgan_ray.forecast.estimate.MOST_CELLS", 10)
    line = estimate_line(sweep, (1, 3), {}, offer_of(sweep, "here", cpus=1, is_local=True))
    assert line == "no estimate for 24 cells, which would take too long here; run `pgan-ray plan`"


def test_baselines_take_time_too(tmp_path: Path) -> None:
    baseline = tiny_sweep(tmp_path, "attack.name=random_label_flip")
    found = Plan(baseline, (1, 3), points_of).forecast(STEADY, offer_of(baseline, "here", cpus=2, is_local=True))
    assert (found.stage1_s, found.seconds) == (0, baseline.cells / 2)


def test_sizes_are_read_from_data_that_is_at_hand() -> None:
    spec = dataset_config(name="digits")
    assert points_of_data(load_dataset(spec, seed=0)) == known_points(spec)


class ListedConfig(DatasetConfig):
    columns: list[str] = Field(default=["a"])


class Listed(DatasetLoader):
    """A data set of somebody's own with a key that is a list."""

    Config = ListedConfig
    loads = 0

    def load(self, loading: Loading) -> RawDataset:
        type(self).loads += 1
        return RawDataset(loading.random("listed").normal(size=(60, len(self.config.columns))), np.repeat([3, 5], 30))


def test_data_of_ones_own_is_counted_once_whatever_its_keys_are(tmp_path: Path) -> None:
    dataset = f"dataset={{name: '{__name__}:Listed', columns: [a, b]}}"
    arguments = ("--device", "cpu", "--profile", "body", "--json", "--set", dataset)
    result = call(tmp_path, *arguments)
    assert result.exception is None
    assert json.loads(result.stdout)[0]["cells"] == 24
    assert Listed.loads == 1
    absent = call(tmp_path, *arguments, "--set", "task={classes: [3, 7], poison_class: 7, source_class: 3}")
    assert isinstance(absent.exception, SpecError)
    assert str(absent.exception) == f"task.classes: must be labels of {__name__}:Listed, [3, 5], got [7]"
    assert Listed.loads == 1
