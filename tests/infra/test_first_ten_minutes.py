"""The check of a new GPU runs through where there is none, and fails where something is wrong."""

from typing import Any

import pytest
import torch

from infra import first_ten_minutes


def test_a_dry_run_on_a_cpu_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert first_ten_minutes.main(["--tiny"]) == 0
    said = capsys.readouterr().out
    assert "FAILED" not in said
    assert said.endswith("all checks hold\n")
    for check in ("hardware", "masks", "no waiting", "same bits", "gradients", "pace"):
        assert f"ok     {check}: " in said


def test_what_is_wrong_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def kept(shapes: Any, probability: float, generator: Any, dtype: torch.dtype, device: Any) -> list[torch.Tensor]:
        return [torch.full(shape, 2.0, dtype=dtype) for shape in shapes]

    monkeypatch.setattr(first_ten_minutes, "keep_masks", kept)
    monkeypatch.setattr(first_ten_minutes.Checks, "_same_bits", lambda self: None)
    monkeypatch.setattr(first_ten_minutes.Checks, "_pace", lambda self: None)
    assert first_ten_minutes.main(["--tiny"]) == 1
    said = capsys.readouterr().out
    assert said.count("FAILED masks: ") == 4
    assert said.endswith("4 checks failed\n")


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert first_ten_minutes.main([]) == 2
    assert "no GPU that PyTorch can use: " in capsys.readouterr().err
