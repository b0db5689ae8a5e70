"""Which fields mean nothing beside others: a grid over them must not make copies of one configuration."""

from pgan_ray.spec.grid import Path
from pgan_ray.spec.settings import Settings

_VICTIM_TRAINING = frozenset({"name", "optimizer", "epochs", "batch_size"})
_NAME = frozenset({"name"})
_OF_TRAINED_ATTACKS = {("evaluation", "poison_set_size"), ("task", "surrogate_classes")}


def is_read(settings: Settings, path: Path) -> bool:
    """Whether the field at ``path`` means something in ``settings``, by the names of attack, victim and detector."""
    if not settings.attack.is_trained and path in _OF_TRAINED_ATTACKS:
        return False
    for section, read in _restricted(settings).items():
        inner = path[len(section) :]
        if path[: len(section)] == section and inner and inner[0] not in read:
            return False
    return True


def _restricted(settings: Settings) -> dict[Path, frozenset[str]]:
    """The sections of which some keys are not read: path -> the keys that are."""
    victim, detector = settings.evaluation.victim.name, settings.evaluation.detector.name
    restricted: dict[Path, frozenset[str]] = {}
    if not settings.attack.is_trained:
        restricted["attack",] = frozenset({"name", "replicates"})
    if victim != "mlp":
        restricted["evaluation", "victim"] = _VICTIM_TRAINING if victim == "logistic" else _NAME
    if detector != "knn_distance":
        restricted["evaluation", "detector"] = _NAME if detector == "none" else _NAME | {"percentile"}
    return restricted
