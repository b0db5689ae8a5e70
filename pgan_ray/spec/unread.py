"""Which fields mean nothing beside others: a grid over them must not make copies of one configuration."""

from pgan_ray.spec.grid import Path
from pgan_ray.spec.network import OptimizerSpec
from pgan_ray.spec.settings import Settings

_VICTIM_TRAINING = frozenset({"name", "optimizer", "epochs", "batch_size"})
_NAME = frozenset({"name"})
_OF_OPTIMIZER = {"sgd": frozenset({"momentum"}), "adam": frozenset({"betas"})}
_AVERAGE_DECAY = ("attack", "average_decay")
_OF_TRAINED_ATTACKS = {("evaluation", "poison_set_size"), ("task", "surrogate_classes")}


def is_read(settings: Settings, path: Path) -> bool:
    """Whether the field at ``path`` means something in ``settings``, by what stands beside it: a name, mostly."""
    if not settings.attack.is_trained and path in _OF_TRAINED_ATTACKS:
        return False
    if settings.attack.sample_from == "last" and path == _AVERAGE_DECAY:
        return False
    for section, read in _restricted(settings).items():
        inner = path[len(section) :]
        if path[: len(section)] == section and inner and inner[0] not in read:
            return False
    return True


def _restricted(settings: Settings) -> dict[Path, frozenset[str]]:
    """The sections of which some keys are not read: path -> the keys that are."""
    victim, detector = settings.evaluation.victim.name, settings.evaluation.detector.name
    optimizers: dict[Path, OptimizerSpec] = {
        ("attack", "generator"): settings.attack.generator.optimizer,
        ("attack", "discriminator"): settings.attack.discriminator.optimizer,
        ("attack", "classifier"): settings.attack.classifier.optimizer,
        ("evaluation", "victim"): settings.evaluation.victim.optimizer,
    }
    restricted = {
        (*network, "optimizer"): _OF_OPTIMIZER[optimizer.name] | {"name", "learning_rate"}
        for network, optimizer in optimizers.items()
    }
    if not settings.attack.is_trained:
        restricted["attack",] = frozenset({"name", "replicates"})
    if victim != "mlp":
        restricted["evaluation", "victim"] = _VICTIM_TRAINING if victim == "logistic" else _NAME
    if detector != "knn_distance":
        restricted["evaluation", "detector"] = _NAME if detector == "none" else _NAME | {"percentile"}
    return restricted
