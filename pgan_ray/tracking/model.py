"""The generator as an MLflow model, found again by the key of its run."""

import tempfile
from pathlib import Path

import numpy as np

from pgan_ray.tracking.connection import check_artifacts
from pgan_ray.tracking.runs import KEY_TAG, KnownRun, Runs

NAME = "generator"
CODE = Path(__file__).with_name("generator_model.py")
# Explicit: to find them out by itself MLflow runs the model in a process of its own, for seconds.
REQUIREMENTS = ["mlflow>=3.10,<4", "numpy>=1.26", "pandas", "safetensors>=0.4.5"]


def log_generator(runs: Runs, run: KnownRun, key: str, weights: bytes, features: int) -> None:
    """Log the generator in the safetensors file ``weights`` as a model of ``run``, once, if called again.

    By the client alone: `mlflow.pyfunc.log_model` goes by the process's own tracking URI and active run.
    """
    from mlflow.entities import LoggedModelOutput

    found = runs.client.search_logged_models([runs.experiment_id], f"source_run_id = '{run.id}'")
    model = next((m for m in found if m.name == NAME), None)
    if model is None:
        model = runs.client.create_logged_model(
            runs.experiment_id, name=NAME, source_run_id=run.id, tags={KEY_TAG: key}
        )
    check_artifacts(runs.client, model.artifact_location)
    if model.status != "READY":
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            (place / "generator.safetensors").write_bytes(weights)
            _save(place / "model", place / "generator.safetensors", model, run, features)
            runs.client.log_model_artifacts(model.model_id, str(place / "model"))
        runs.client.finalize_logged_model(model.model_id, "READY")
    outputs = runs.client.get_run(run.id).outputs
    if model.model_id not in {output.model_id for output in (outputs.model_outputs if outputs else ())}:
        # Unlike metrics and tags, a second one is refused.
        runs.client.log_outputs(run.id, [LoggedModelOutput(model.model_id, step=0)])


def _save(target: Path, weights: Path, model: object, run: KnownRun, features: int) -> None:
    import mlflow.pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

    signature = ModelSignature(
        inputs=Schema([ColSpec("long")]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, features))]),
        params=ParamSchema([ParamSpec("seed", "long", -1)]),
    )
    mlflow.pyfunc.save_model(
        str(target),
        python_model=str(CODE),
        artifacts={"weights": str(weights)},
        signature=signature,
        input_example=(4, {"seed": 0}),
        pip_requirements=REQUIREMENTS,
        mlflow_model=Model(
            artifact_path=model.artifact_location,  # type: ignore[attr-defined]  # mlflow is untyped
            run_id=run.id,
            model_id=model.model_id,  # type: ignore[attr-defined]
            model_uuid=model.model_id,  # type: ignore[attr-defined]
        ),
    )
