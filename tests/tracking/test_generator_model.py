import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import save_file

from pgan_ray.nn import StackedMLP
from pgan_ray.tracking.connection import import_mlflow
from tests.tracking.tracking_sweep import FEATURES, NOISE, architecture, weights


@pytest.fixture(scope="module")
def generator_model():  # type: ignore[no-untyped-def]
    """The module, imported as quietly as the tracker does it."""
    import_mlflow()
    from pgan_ray.tracking import generator_model

    return generator_model


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("output", ["tanh", "linear"])
@pytest.mark.parametrize("widths", [[], [8], [12, 7, 9]])
def test_equals_the_stacked_network(generator_model, batch_norm: bool, output: str, widths: list[int]) -> None:
    network = StackedMLP(
        NOISE,
        widths,
        FEATURES,
        initial=[torch.Generator().manual_seed(0)],
        dropout=0.5,
        negative_slope=0.2,
        batch_norm=batch_norm,
        output=output,
    )
    randomness = torch.Generator().manual_seed(1)
    for _ in range(20):  # so that the running statistics are not those that it started with
        network(torch.randn(1, 64, NOISE, generator=randomness) * 3 + 1, randomness)
    state = {
        # a norm's tensors of all members lie side by side, a layer's are stacked
        name: (value if name.startswith("norms.") else value[0]).detach().numpy()
        for name, value in network.state_dict().items()
    }
    described = {"negative_slope": 0.2, "batch_norm": batch_norm, "output": output}
    noise = torch.randn(1, 50, NOISE, generator=randomness)
    with torch.no_grad():
        expected = network(noise)[0].numpy()
    found = generator_model.forward(state, described, noise[0].numpy())
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert found.dtype == np.float32


@pytest.fixture
def model(generator_model, tmp_path: Path):  # type: ignore[no-untyped-def]
    file = tmp_path / "generator.safetensors"
    save_file(weights(0), file, {"architecture": json.dumps(architecture())})
    model = generator_model.GeneratorModel()
    model.load_context(SimpleNamespace(artifacts={"weights": str(file)}))
    return model


def test_many_points_equal_those_in_parts(generator_model, model, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = model.predict(None, pd.DataFrame([100]), {"seed": 3})
    monkeypatch.setattr(generator_model, "POINTS_AT_ONCE", 7)
    np.testing.assert_allclose(model.predict(None, pd.DataFrame([100]), {"seed": 3}), whole, rtol=1e-5, atol=1e-6)


def test_no_points(model) -> None:
    assert model.predict(None, pd.DataFrame([0])).shape == (0, FEATURES)


@pytest.mark.parametrize("wrong", [[-1], [1, 2], []])
def test_input_must_be_one_number(model, wrong: list[int]) -> None:
    with pytest.raises(ValueError, match="must be one number of points"):
        model.predict(None, pd.DataFrame(wrong))
