"""What the schema knows of every component: its section of the sweep file, and the class that the section is for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ConfigDict, Field, create_model, model_validator

from pgan_ray.errors import PganRayError, is_of_the_machine
from pgan_ray.registry import ATTACKS, DATASETS, DEFENCES, DETECTORS, VICTIMS, ComponentError, Registry
from pgan_ray.spec.base import Part

if TYPE_CHECKING:
    from pgan_ray.spec.evaluation import EvaluationSpec

REGISTRIES = {registry.kind: registry for registry in (DATASETS, ATTACKS, DETECTORS, DEFENCES, VICTIMS)}


class ComponentConfig(Part):
    """The keys of one component. `component` is the class that reads them."""

    registry: ClassVar[Registry]
    component: ClassVar[type[Any]]

    name: str = Field(description="The component's name.")

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        """Made in Python, a section need not repeat the name of its class."""
        return {"name": cls.component.name, **given} if isinstance(given, dict) else given

    def make(self) -> Any:
        """The component itself. Raises `ComponentError`."""
        with self.must(f"accept its section as its only argument, `{self.component.__name__}(config)`"):
            return self.component(self)

    @contextmanager
    def must(self, rule: str) -> Iterator[None]:
        """Whatever the component raises within, a `ComponentError` says that it must do as the ``rule`` says."""
        try:
            yield
        except PganRayError:
            raise
        except (Exception, SystemExit) as error:
            if is_of_the_machine(error):
                raise
            text = f"{type(error).__name__}: {error}".removesuffix(": ")
            raise ComponentError(f"the {self.registry.kind} `{self.name}` must {rule}, got {text}") from error

    @property
    def is_foreign(self) -> bool:
        """Whether the class is not ours, and so may be absent where pgan-ray is installed."""
        return not self.registry.is_ours(self.name)

    def unread(self) -> frozenset[str]:
        """Keys that mean nothing beside the others' values: a grid over them makes no copies."""
        return frozenset()

    def __reduce__(self) -> Any:
        # By name: the class may have been made when the component was found, and be in no module.
        return _read, (self.registry.kind, self.model_dump())


def is_key(name: str) -> bool:
    """Whether a key can be called so: it is none of the words that every section has a meaning for."""
    return name.isidentifier() and not name.startswith("_") and name not in _TAKEN


_TAKEN = frozenset(dir(ComponentConfig)) | {
    *("registry", "component", "name"),
    *("is_trained", "is_control", "trains", "check_evaluation", "kept_fraction", "known_as"),
}


def opened(*configs: type[ComponentConfig]) -> type[ComponentConfig]:
    """A section with all the keys of ``configs``, and any other ones."""
    kind: Any = type(configs[0])
    made: type[ComponentConfig] = kind(
        "Open",
        configs,
        {"__module__": ComponentConfig.__module__, "model_config": ConfigDict(extra="allow", protected_namespaces=())},
    )
    return made


class AttackConfig(ComponentConfig):
    """What makes the poison."""

    registry: ClassVar[Registry] = ATTACKS

    replicates: int = Field(
        default=5,
        ge=1,
        description="Generators per configuration, each with its own seed. For an attack that trains none: groups of "
        "runs.",
    )

    @property
    def is_trained(self) -> bool:
        """Whether the attack trains generators; the others take their poison from the data."""
        return bool(self.component.is_trained)

    @property
    def is_control(self) -> bool:
        """Whether it is no attack, but what attacks are compared with."""
        return bool(getattr(self.component, "is_control", False))

    def check_evaluation(self, evaluation: "EvaluationSpec", classes: int) -> None:
        """See that the attack has enough poison for an evaluation on so many ``classes``. Raises `ValueError`."""
        if self.is_trained:
            evaluation.check_poison("evaluation.poison_set_size", evaluation.poison_set_size, classes)


class VictimConfig(ComponentConfig):
    """Who is attacked."""

    registry: ClassVar[Registry] = VICTIMS

    @property
    def trains(self) -> bool:
        """Whether there is a victim at all."""
        return bool(self.component.trains)

    def check_evaluation(self, evaluation: "EvaluationSpec") -> None:
        """See that the victim goes with the rest of the ``evaluation``. Raises `ValueError`."""


class DefenceConfig(ComponentConfig):
    """One stage of a pipeline of defences."""

    registry: ClassVar[Registry] = DEFENCES

    def check_evaluation(self, evaluation: "EvaluationSpec") -> None:
        """See that the defence goes with the rest of the ``evaluation``. Raises `ValueError`."""

    @property
    def kept_fraction(self) -> float:
        """The share of points that it is to keep, about."""
        return 1.0


class DetectorConfig(DefenceConfig):
    """How the training set is filtered."""

    registry: ClassVar[Registry] = DETECTORS

    @property
    def kept_fraction(self) -> float:
        """The share of genuine points that it is to keep."""
        percentile = getattr(self, "percentile", None)
        return 1.0 if percentile is None else float(percentile)


class Component:
    """The base of all components. `name` is what sweep files say, `label` what figures say."""

    name: ClassVar[str]
    label: ClassVar[str]
    Config: ClassVar[type[ComponentConfig]]

    def __init_subclass__(cls, **options: Any) -> None:
        """A class without a name goes by its import path; each has a schema of its own, which knows its class."""
        super().__init_subclass__(**options)
        own = vars(cls)
        if "name" not in own:
            cls.name = f"{cls.__module__}:{cls.__qualname__}"
        if "label" not in own:
            cls.label = cls.name.rpartition(":")[2].replace("_", " ")
        # A borrowed one stays its first class's: sections would be read by the class that came last.
        if "Config" not in own or "component" in vars(cls.Config):
            cls.Config = create_model("Config", __base__=cls.Config, __module__=cls.__module__)
        cls.Config.component = cls


def _read(kind: str, fields: dict[str, Any]) -> ComponentConfig:
    config: ComponentConfig = REGISTRIES[kind].config(fields["name"]).model_validate(fields)
    return config


def find_component(kind: str, name: str) -> None:
    """See that the component can be imported here. Raises `ComponentError`."""
    REGISTRIES[kind].get(name)
