"""The paper's setting, and where a sweep departs from it (Section 4, Appendices B and C, Tables 1, 3, 4 and 5)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pgan_ray.study.paper import LAMBDA_PRIOR, Family
from pgan_ray.study.series import ALPHA, LAMBDA, TRAIN, VICTIM, Path, Series

_SGD = {"name": "sgd", "learning_rate": 1e-3, "momentum": 0.9}
_NETWORK = {"widths": [1024, 512], "dropout": 0.5, "negative_slope": 0.1, "optimizer": _SGD}
_IMAGES: dict[str, Any] = {
    "attack": {
        "lambda_prior": LAMBDA_PRIOR,
        "generator_loss": "algorithm1",
        "replicates": 5,
        "epochs": 2000,
        "batch_size": 200,
        "discriminator_steps": 4,
        "classifier_steps": 4,
        "generator_steps": 1,
        "sample_from": "last",
        "generator": {
            "noise_features": 100,
            "widths": [784, 1024],
            "dropout": 0.5,
            "batch_norm": False,
            "output_start": "default",
            "optimizer": {"name": "adam", "learning_rate": 1e-4},
        },
        "discriminator": _NETWORK,
        "classifier": _NETWORK,
    },
    "evaluation": {
        "placement": "replace",
        "runs": 10,
        "train_per_class": 500,
        "trusted_per_class": 500,
        "victim": {**_NETWORK, "name": "mlp", "epochs": 2000, "batch_size": 200},
        "detector": {"name": "knn_distance", "neighbours": 5, "sample_size": 20},
    },
}
_LINEAR = {"widths": [], "dropout": 0.0, "optimizer": _SGD}
PAPER: Mapping[Family, dict[str, Any]] = {
    "mnist": {"dataset": {"name": "mnist"}, **_IMAGES},
    "fmnist": {
        "dataset": {"name": "fashion-mnist"},
        "attack": {**_IMAGES["attack"], "epochs": 3000},
        "evaluation": _IMAGES["evaluation"],
    },
    "mnist-ten": {
        "dataset": {"name": "mnist"},
        "task": {"surrogate_classes": [3, 5]},
        "attack": _IMAGES["attack"],
        "evaluation": {
            **_IMAGES["evaluation"],
            "train_per_class": 1000,
            "victim": {
                **_NETWORK,
                "name": "mlp",
                "epochs": 1000,
                "batch_size": 500,
                "optimizer": {**_SGD, "learning_rate": 0.01},
            },
        },
    },
    "synthetic": {
        "attack": {
            "lambda_prior": 1.6,
            "generator_loss": "algorithm1",
            "epochs": 3000,
            "batch_size": 500,
            "discriminator_steps": 1,
            "classifier_steps": 1,
            "generator_steps": 1,
            "sample_from": "last",
            "generator": {"noise_features": 2, "widths": [20], "optimizer": {"name": "adam", "learning_rate": 1e-4}},
            "discriminator": {"widths": [250], "optimizer": _SGD},
            "classifier": _LINEAR,
        },
        "evaluation": {
            "placement": "add",
            "train_per_class": 20,
            "victim": {"name": "logistic", "epochs": 1000, "optimizer": {"name": "sgd", "learning_rate": 0.01}},
            "detector": {"name": "none"},
        },
    },
}


def departures(kind: Family, series: Sequence[Series]) -> list[tuple[str, str, str]]:
    """(setting, the paper's, here) of everything that is not the paper's in every one of ``series``."""
    trees = [one.settings.model_dump(mode="json") for one in series]
    found = []
    no_victims = all(not one.settings.evaluation.victim.trains for one in series)
    for path, papers in _wanted(kind, series).items():
        if no_victims and path[:2] == VICTIM:
            continue
        read = [_at(tree, path) for one, tree in zip(series, trees, strict=True) if one.settings.reads(path)]
        values = {json.dumps(value): value for value in read}
        if not values or any(_same(value, papers) for value in values.values()):
            continue
        if path == ("attack", "epochs") and set(values) == {"null"}:
            iterations = dict.fromkeys(
                setting_text(tree["attack"]["iterations"])
                for one, tree in zip(series, trees, strict=True)
                if one.settings.reads(("attack", "iterations"))
            )
            found.append((".".join(path), setting_text(papers), f"{' or '.join(iterations)} iterations"))
            continue
        found.append(
            (".".join(path), setting_text(papers), " or ".join(setting_text(value) for value in values.values()))
        )
    return found


def _wanted(kind: Family, series: Sequence[Series]) -> dict[Path, Any]:
    """What the paper has for ``kind``, by path; some figures have a setting of their own."""
    wanted = dict(leaves(PAPER[kind], ()))
    if any(TRAIN in one.choices for one in series):  # Fig. 4 right
        wanted["evaluation", "runs"] = 5
    if kind == "mnist" and any(LAMBDA in one.choices for one in series):  # Fig. 4 left
        wanted[ALPHA] = 0.2
    return wanted


def leaves(tree: Mapping[str, Any], above: Path) -> list[tuple[Path, Any]]:
    """(path, value) of everything in ``tree``, whose own path is ``above``, that holds nothing more."""
    found: list[tuple[Path, Any]] = []
    for key, value in tree.items():
        here = (*above, key)
        found += leaves(value, here) if isinstance(value, Mapping) else [(here, value)]
    return found


def _at(tree: Any, path: Path) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _same(value: Any, papers: Any) -> bool:
    if isinstance(papers, float) and isinstance(value, (int, float)):
        return abs(value - papers) <= 1e-9 * max(1.0, abs(papers))
    return bool(value == papers)


def setting_text(value: Any) -> str:
    """A setting as a table shows it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value if isinstance(value, str) else json.dumps(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
