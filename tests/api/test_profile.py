"""Which profile is run where nobody says."""

from typing import Any

import pytest

from pgan_ray.api import RunOptions, new_sweep, profile, resolve_sweep
from pgan_ray.spec import Sweep
from tests.tiny import TINY

QUICK: dict[str, Any] = {"quick": {"attack": {"replicates": 1}}}
PAPER: dict[str, Any] = {"paper": {}}


def resolved(profiles: dict[str, Any], monkeypatch: pytest.MonkeyPatch, *, gpus: int) -> tuple[Sweep, list[str]]:
    """What is run on a machine with so many ``gpus``, and what is told."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(profile, "gpus_here", lambda: gpus)
    notices: list[str] = []
    options = RunOptions(executor="local")
    return resolve_sweep({**TINY, "profiles": profiles}, "auto", (), options, notices.append), notices


@pytest.mark.parametrize(
    ("profiles", "on_cpu", "on_gpu"),
    [
        ({}, "body", "body"),
        ({"other": {}}, "body", "body"),
        (QUICK, "quick", "quick"),
        (PAPER, "paper", "paper"),
        (PAPER | QUICK, "quick", "paper"),
    ],
    ids=lambda given: "+".join(given) if isinstance(given, dict) else given,
)
def test_the_file_and_the_machine_decide(
    profiles: dict[str, Any], on_cpu: str, on_gpu: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [resolved(profiles, monkeypatch, gpus=gpus)[0].profile for gpus in (0, 1)] == [on_cpu, on_gpu]


def test_a_choice_is_told_with_the_way_to_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolved({}, monkeypatch, gpus=0)[1] == []
    assert resolved(QUICK, monkeypatch, gpus=1)[1] == [
        "profile quick, the default of this file (--profile body runs the file without a profile)"
    ]
    (notice,) = resolved(PAPER | QUICK, monkeypatch, gpus=0)[1]
    assert notice.startswith("profile quick: this machine has no GPU (--profile chooses another)")


def test_a_sweeps_id_says_that_it_is_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    record, _ = new_sweep(resolved({}, monkeypatch, gpus=0)[0], "nowhere")
    assert record.id.startswith("tiny-body-")
