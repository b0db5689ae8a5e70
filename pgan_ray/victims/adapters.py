"""Victims of objects that know nothing of us: classes with scikit-learn's `fit` and `predict`, and module factories.

Their keys in a sweep file are the arguments of the class or function.
"""

import inspect
import json
from typing import TYPE_CHECKING, Any

from pydantic import create_model

from pgan_ray.errors import DataError, may_be_of_this_place
from pgan_ray.registry import ComponentError
from pgan_ray.spec import VictimConfig
from pgan_ray.spec.components import is_key, opened
from pgan_ray.victims.interface import SklearnVictim, TorchConfig, TorchVictim, Victim

if TYPE_CHECKING:
    import torch

    from pgan_ray.data import TaskData

GIVEN = ("features", "classes", "image_shape")  # what a module factory is called with, first of all
_OURS = frozenset({"self", "random_state"})
_KEYWORDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def adapt(name: str, found: Any) -> type[Victim] | None:
    """The victim that ``found`` stands for, called ``name`` in sweep files; None: it is nothing of the kind."""
    if isinstance(found, type) and all(callable(getattr(found, method, None)) for method in ("fit", "predict")):
        return _adapted(name, found, SklearnVictim, VictimConfig, {"estimator": _estimator, "check": _check})
    if _is_module_class(found) or inspect.isfunction(found):
        arguments = [parameter.name for parameter in _parameters(found)]
        if tuple(arguments[: len(GIVEN)]) == GIVEN:
            return _adapted(name, found, TorchVictim, TorchConfig, {"module": _module})
    return None


def _adapted(
    name: str, found: Any, base: type[Victim], config: type[VictimConfig], methods: dict[str, Any]
) -> type[Victim]:
    own = [p for p in _parameters(found) if p.kind in _KEYWORDS and p.name not in _given(base)]
    taken = [p.name for p in own if not is_key(p.name) or p.name in config.model_fields]
    if taken:
        raise ComponentError(
            "must have no argument with a name that pgan-ray reserves, got "
            f"{', '.join(map(repr, taken))} of {name!r}: wrap it in a class or function with other argument names"
        )
    fields: dict[str, Any] = {parameter.name: (Any, _default(parameter)) for parameter in own}
    extra = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in _parameters(found))
    schema = create_model("Config", __base__=opened(config) if extra else config, **fields)
    doc = f"{(found.__doc__ or found.__qualname__).strip().splitlines()[0]}"
    members = {"name": name, "label": found.__name__, "Config": schema, "found": staticmethod(found), "__doc__": doc}
    return type(found.__name__, (base,), members | methods)


def _given(base: type[Victim]) -> frozenset[str]:
    """Arguments that are no keys: we give them."""
    return _OURS | frozenset(GIVEN) if issubclass(base, TorchVictim) else _OURS


def _parameters(found: Any) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(found).parameters.values())
    except (TypeError, ValueError):
        return []


def _default(parameter: inspect.Parameter) -> Any:
    """As a sweep file holds it, where a tuple is a list. Of what it cannot hold, null: the argument is left out."""
    if parameter.default is inspect.Parameter.empty:
        return ...
    try:
        return json.loads(json.dumps(parameter.default, allow_nan=False))
    except (TypeError, ValueError):
        return None


def _is_module_class(found: Any) -> bool:
    # By name: torch takes seconds to import, and a class of its own has it imported.
    return isinstance(found, type) and any(
        (base.__module__, base.__name__) == ("torch.nn.modules.module", "Module") for base in found.__mro__
    )


def _arguments(victim: Any) -> dict[str, Any]:
    parameters = {parameter.name: parameter for parameter in _parameters(victim.found)}
    own = {key for key in type(victim.config).model_fields if key in parameters and key not in _given(type(victim))}
    values = {key: getattr(victim.config, key) for key in own} | (victim.config.model_extra or {})
    return {
        key: value
        for key, value in values.items()
        # A default is left to the class: it may be what a sweep file cannot hold.
        if key not in parameters or value != _default(parameters[key])
    }


def _estimator(self: Any, random_state: int, points: int) -> Any:
    seeded = {"random_state": random_state} if "random_state" in {p.name for p in _parameters(self.found)} else {}
    return self.found(**_arguments(self), **seeded)


def _check(self: Any, task: "TaskData") -> None:
    """The class takes its arguments; one of scikit-learn's is a classifier, and they are by its rules."""
    try:
        estimator = self.estimator(0, 0)
    except Exception as error:
        if may_be_of_this_place(error):
            return
        raise
    if type(estimator).__module__.partition(".")[0] != "sklearn" or not hasattr(estimator, "_validate_params"):
        return
    from sklearn.base import is_classifier

    if not is_classifier(estimator):  # one that clusters or regresses has both methods, too
        raise DataError(f"the victim `{self.name}` must be a classifier, got scikit-learn's {self.label}")
    try:
        estimator._validate_params()  # public only as what `fit` does first of all
    except (TypeError, ValueError) as error:
        raise DataError(f"the victim `{self.name}` must be given arguments that it accepts, got: {error}") from error


def _module(self: Any, features: int, classes: int, image_shape: tuple[int, int] | None) -> "torch.nn.Module":
    module: torch.nn.Module = self.found(features, classes, image_shape, **_arguments(self))
    return module
