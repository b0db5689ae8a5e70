"""Small pGANs in the manner of the paper's Table 3 and of the quick profiles."""

from typing import Any

from pgan_ray.attacks import Member
from pgan_ray.attacks.engines.pgan import PGan
from pgan_ray.attacks.pgan import PGanConfig
from pgan_ray.data import TaskData
from tests.science import CPU

SGD = {"name": "sgd", "learning_rate": 0.02, "momentum": 0.9}
ADAM = {"name": "adam", "learning_rate": 5e-3, "betas": (0.5, 0.999)}

TABLE_3: dict[str, Any] = {
    "alpha": 0.3,
    "lambda_prior": 0.9,
    "iterations": 50,
    "batch_size": 12,
    "generator": {"noise_features": 5, "widths": [9, 10], "dropout": 0.5, "optimizer": ADAM | {"betas": (0.9, 0.999)}},
    "discriminator": {"widths": [10, 8], "dropout": 0.5, "optimizer": SGD},
    "classifier": {"widths": [11, 7], "dropout": 0.5, "optimizer": SGD},
}
QUICK: dict[str, Any] = {
    "alpha": 0.3,
    "lambda_prior": 0.9,
    "iterations": 50,
    "batch_size": 12,
    "discriminator_steps": 1,
    "classifier_steps": 1,
    "sample_from": "average",
    "average_decay": 0.9,
    "generator": {
        "noise_features": 5,
        "widths": [9, 10],
        "dropout": 0.0,
        "batch_norm": True,
        "output_start": "class_mean",
        "optimizer": ADAM,
    },
    "discriminator": {"widths": [10, 8], "dropout": 0.3, "optimizer": ADAM},
    "classifier": {"widths": [11], "dropout": 0.3, "optimizer": ADAM},
}


def without_dropout(settings: dict[str, Any]) -> dict[str, Any]:
    networks = ("generator", "discriminator", "classifier")
    return settings | {name: settings[name] | {"dropout": 0.0} for name in networks}


def train(
    settings: dict[str, Any], task: TaskData, *players: tuple[float, float], seed: int = 0, iterations: int = 0
) -> PGan:
    """A stack with one member for each (alpha, lambda_prior) of ``players``, trained for ``iterations``."""
    if not players:
        players = ((settings["alpha"], settings["lambda_prior"]),)
    configs = [PGanConfig(**settings | {"alpha": alpha, "lambda_prior": prior}) for alpha, prior in players]
    members = [Member(replicate, seed, config) for replicate, config in enumerate(configs)]
    stack = PGan(PGanConfig(**settings), members, task, device=CPU)
    stack.train(iterations)
    return stack
