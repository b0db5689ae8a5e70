"""Detectors and sanitisers of somebody else's are tried before anything starts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pgan_ray.data import Dataset
from pgan_ray.defences import Sanitised, Sanitiser, ScoredDetector
from pgan_ray.errors import DataError
from pgan_ray.runner.prepare import load_datasets
from tests.tiny import tiny_sweep

FITS: list[int] = []


class Broken(ScoredDetector):
    """A detector that raises ``error``, in each of its fits up to ``last``."""

    error: BaseException = ZeroDivisionError("no such thing")
    last = 10**6

    def fit_score(self, points: Tensor, random: np.random.Generator) -> Any:
        FITS.append(len(points))
        if len(FITS) <= self.last:
            raise self.error
        return lambda found: found.abs().amax(1)


class Kept(Sanitiser):
    """A sanitiser whose decision can be anything."""

    decision: Any = None

    def sanitise(self, suspects: Any, random: np.random.Generator) -> Any:
        FITS.append(len(suspects.x))
        return self.decision


class Asking(Kept):
    """One that asks victims."""

    asks_victim = True


@pytest.fixture(autouse=True)
def no_fits() -> None:
    FITS.clear()


def load(folder: Path, *settings: str) -> None:
    load_datasets(tiny_sweep(folder, "attack.alpha={grid: [0.1, 0.5, 0.9]}", *settings), None, print)


def detector(name: str) -> str:
    return f"evaluation.detector={{name: '{__name__}:{name}'}}"


def defence(name: str) -> str:
    return f"evaluation.defence=[{{name: '{__name__}:{name}'}}]"


def test_a_detector_that_fails_is_told_of_once(digits: dict[str, Dataset], tmp_path: Path) -> None:
    rule = rf"^alpha=0.1: the detector `{__name__}:Broken` failed:\nTraceback(.|\n)*ZeroDivisionError: no such thing$"
    with pytest.raises(DataError, match=rule):
        load(tmp_path, detector("Broken"))
    assert FITS == [25, 25, 25], "half of the trusted points, in each of the first three splits"


def test_what_a_score_must_be_is_told_without_a_traceback(
    digits: dict[str, Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Broken, "fit_score", lambda self, points, random: lambda found: found.abs())
    rule = (
        f"the detector `{__name__}:Broken` failed: a score must be a tensor of numbers, one for each of 25 points, got"
    )
    with pytest.raises(DataError, match=f"^alpha=0.1: {rule} Tensor of shape .*$"):
        load(tmp_path, detector("Broken"))


@pytest.mark.parametrize("runs", [1, 2])
def test_one_that_fails_for_one_split_alone_is_not_refused(
    digits: dict[str, Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: int
) -> None:
    monkeypatch.setattr(Broken, "last", 1)
    load(tmp_path, detector("Broken"), f"evaluation.runs={runs}")
    assert len(FITS) == 3, "the second split's, of each class, and none for a further alpha"


@pytest.mark.parametrize(
    "error",
    [
        OSError("no model.bin"),
        ImportError("no faiss"),
        RuntimeError("no CUDA"),
        RuntimeError("Torch not compiled with XPU enabled"),
        MemoryError(),
        torch.OutOfMemoryError(),
    ],
)
def test_what_may_be_there_on_a_worker_is_left_to_the_workers(
    digits: dict[str, Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr(Broken, "error", error)
    load(tmp_path, detector("Broken"))


@pytest.mark.parametrize("text", ["expected 3 devices per subject", "no column cpu_load", "device_id is unknown"])
def test_a_word_that_is_in_another_is_no_device(
    digits: dict[str, Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(Broken, "error", ValueError(text))
    with pytest.raises(DataError, match=text):
        load(tmp_path, detector("Broken"))


def test_that_one_is_tried_is_said(
    digits: dict[str, Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Broken, "last", 0)
    load(tmp_path, detector("Broken"))
    assert capsys.readouterr().out == f"trying {__name__}:Broken on clean points\n"


def test_a_sanitiser_is_tried_unless_victims_would_have_to_be_trained(
    digits: dict[str, Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(tmp_path, defence("Asking"))
    assert FITS == []
    rule = f"the defence `{__name__}:Kept` failed: it must give a `Sanitised`, got an object of NoneType"
    with pytest.raises(DataError, match=rule):
        load(tmp_path, defence("Kept"))
    points = FITS[0]
    decision = Sanitised(torch.ones(points, dtype=torch.bool), torch.zeros(points, dtype=torch.int64))
    monkeypatch.setattr(Kept, "decision", decision)
    load(tmp_path, defence("Kept"))
