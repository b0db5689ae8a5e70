"""The check of a new GPU runs through where there is none, and fails where something is wrong."""

from typing import Any

import pytest
import torch

from infra import first_ten_minutes


def test_a_dry_run_on_a_cpu_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert first_ten_minutes.main(["--tiny"]) == 0
    said = capsys.readouterr().out
    assert "FAILED" not in said
    assert said.splitlines()[-1].startswith("all checks hold: next, both stages through Ray: `pgan-ray sweep ")
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
    assert said.splitlines()[-1].startswith("4 checks failed: take no results from this device")


def test_a_check_that_cannot_end_has_failed_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def out_of_memory(self: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to")

    monkeypatch.setattr(first_ten_minutes.Checks, "_same_bits", out_of_memory)
    for name in ("_masks", "_no_waiting", "_graphs", "_pace"):
        monkeypatch.setattr(first_ten_minutes.Checks, name, lambda self: None)
    assert first_ten_minutes.main(["--tiny"]) == 1
    said = capsys.readouterr().out
    assert "FAILED same bits: ended by OutOfMemoryError: CUDA out of memory.\n" in said
    assert "ok     gradients: " in said


def test_a_gpu_without_kernels_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("PGAN_RAY_DEVICE", raising=False)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.init", lambda: None)
    monkeypatch.setattr("pgan_ray.runner.machine.without_kernels", lambda: "Old GPU has compute capability 3.7")
    assert first_ten_minutes.main([]) == 2
    assert "no GPU that PyTorch can use: Old GPU has compute capability 3.7" in capsys.readouterr().err


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert first_ten_minutes.main([]) == 2
    assert "no GPU that PyTorch can use: " in capsys.readouterr().err
