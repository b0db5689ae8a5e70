"""pgan-ray: distributed sweeps of pGAN, a stealthy data poisoning attack, on Ray Tune and MLflow.

The rooms, in the order the data walks through them::

    sweeps/*.yaml -> spec -> data -> attacks (stage 1) -> evaluation (stage 2) -> results -> tracking, report

From Python, `run_sweep` runs a sweep, `resume_sweep` finishes an interrupted one, `extend_sweep` adds to a finished
one, and `open_sweep` reads the results. Importing this package loads neither torch nor ray nor mlflow.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pgan_ray.api import SweepResult, extend_sweep, open_sweep, resume_sweep, run_sweep

__version__ = "0.1.0"
__all__ = ["SweepResult", "extend_sweep", "open_sweep", "resume_sweep", "run_sweep"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from pgan_ray import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
