"""The generator as an MLflow model: a file that MLflow copies beside the weights and runs (models from code).

It must stand alone: whoever loads the model has MLflow (and so NumPy and pandas) and safetensors, but not
pgan-ray. Nothing is unpickled. Shapes: N points, Z noise features, F point features.
"""

import json
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel
from safetensors import safe_open

BATCH_NORM_EPSILON = 1e-5  # torch.nn.BatchNorm1d's
POINTS_AT_ONCE = 4096


def forward(weights: dict[str, np.ndarray], architecture: dict[str, Any], noise: np.ndarray) -> np.ndarray:
    """(N, Z) noise through the generator in evaluation behaviour: (N, F) points."""
    layers = sum(name.startswith("layers.") and name.endswith(".weight") for name in weights)
    x = noise
    for index in range(layers):
        x = x @ weights[f"layers.{index}.weight"] + weights[f"layers.{index}.bias"]
        if index == layers - 1:
            break
        if architecture["batch_norm"]:
            norm = {key: weights[f"norms.{index}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")}
            x = (x - norm["running_mean"]) / np.sqrt(norm["running_var"] + BATCH_NORM_EPSILON)
            x = x * norm["weight"] + norm["bias"]
        x = np.where(x > 0, x, architecture["negative_slope"] * x)
    return np.tanh(x) if architecture["output"] == "tanh" else x


class GeneratorModel(PythonModel):  # type: ignore[misc]  # mlflow is untyped
    """``predict(n)`` samples n poisoning points."""

    def load_context(self, context: Any) -> None:
        """Read the weights, and from their header the architecture."""
        with safe_open(context.artifacts["weights"], framework="numpy") as file:
            self.architecture = json.loads(file.metadata()["architecture"])
            self.weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> np.ndarray:
        """(n, F) points. ``model_input``: n, which MLflow hands on as a table of one cell.

        ``params["seed"]``: 0 or more; the same seed gives the same points. Without, they differ each time.
        """
        count = np.asarray(model_input).reshape(-1)
        if len(count) != 1 or count[0] < 0:
            raise ValueError(f"the input must be one number of points, 0 or more, got {count.tolist()}")
        seed = (params or {}).get("seed", -1)
        random = np.random.default_rng(None if seed < 0 else seed)
        shape = (int(count[0]), self.architecture["noise_features"])
        noise = random.standard_normal(shape, dtype=np.float32)
        parts = [
            forward(self.weights, self.architecture, noise[start : start + POINTS_AT_ONCE])
            for start in range(0, max(len(noise), 1), POINTS_AT_ONCE)
        ]
        return np.concatenate(parts)


set_model(GeneratorModel())
