"""The generated reference of the sweep file."""

import re

import pytest
import yaml

from infra.docs.reference import BEGIN, END, reference, update
from pgan_ray.registry import ATTACKS, DATASETS, DEFENCES, DETECTORS, VICTIMS

from .helpers import Loader

PARTS = ("optimizer", "generator", "discriminator", "classifier", "surrogate", "autoencoder")
STAGES = [name for name in DEFENCES.own_names() if not DETECTORS.is_ours(name)]


def rows() -> dict[str, list[str]]:
    """Key -> type, default, meaning."""
    cells = [re.split(r" (?<!\\)\| ", line.strip("| ")) for line in reference().splitlines() if line.startswith("| `")]
    found: dict[str, list[str]] = {}
    for key, *rest in cells:
        if len(rest) == 3:
            found.setdefault(key.strip("`"), rest)  # the default component's table comes first
    return found


def names(section: str) -> list[str]:
    """The components that the reference has for a ``section``."""
    text = reference().partition(f"### `{section}`\n")[2].partition("\n#")[0]
    return re.findall(r"^\| `([\w-]+)` \| \w", text, re.MULTILINE)


def test_every_field_is_in_it_with_type_default_and_meaning() -> None:
    table = rows()
    assert all(len(rest) == 3 and all(rest) for rest in table.values())
    assert table["attack.alpha"][:2] == ["number, at least 0, at most 1", "required"]
    assert table["task.poison_class"][:2] == ["whole number", "required"]
    assert table["attack.epochs"][:2] == ["whole number, at least 1, or null", "`null`"]
    assert table["attack.generator.optimizer.name"][:2] == ["`sgd`, `adam`", "`adam`"]
    assert table["attack.generator.optimizer.betas"][:2] == [
        "list of 2, each a number, at least 0, under 1",
        "`[0.9, 0.999]`",
    ]
    assert table["evaluation.poison_fractions"][0] == "list, each a number, at least 0, under 1; not empty"
    assert table["dataset.path"][:2] == ["text; not empty", "required"]
    assert table["resources.trial.members_per_actor"][:2] == ["whole number, at least 1, or `auto`", "`auto`"]
    assert table["name"][:2] == ["text, matching `^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`", "required"]


def test_it_has_the_keys_and_defaults_of_a_resolved_sweep(load: Loader) -> None:
    def leaves(tree: dict[str, object], above: str = "") -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in tree.items():
            found |= leaves(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
        return found

    resolved = leaves(load({"attack.iterations": None, "attack.epochs": 7}).document)
    named = {"dataset.name", "attack.name", "evaluation.victim.name", "evaluation.detector.name"}
    assert set(resolved) - named <= set(rows())
    sections = {"dataset": DATASETS, "attack": ATTACKS, "evaluation.victim": VICTIMS, "evaluation.detector": DETECTORS}
    others = {
        f"{section}.{key}"
        for section, registry in sections.items()
        for name in registry.own_names()
        for key in registry.config(name).model_fields
    }
    others |= {f"evaluation.defence[].{key}" for name in STAGES for key in DEFENCES.config(name).model_fields}
    left = {key for key in rows() if key not in resolved and key not in others}
    # Another optimiser's, and those that a grid does not have.
    nested = (".optimizer.", "attack.surrogate.", "attack.autoencoder.")
    assert all(any(part in key for part in nested) or key.startswith("search.") for key in left)
    given = (
        "name",
        "controls",
        "dataset.name",
        "attack.alpha",
        "attack.lambda_prior",
        "attack.epochs",
        "attack.replicates",
        "evaluation.runs",
        "evaluation.train_per_class",
    )
    for key, (_, default, _) in rows().items():
        if default != "required" and key not in given and key in resolved:
            assert resolved[key] == yaml.safe_load(default.strip("`")), key


def test_every_component_has_its_line_and_its_keys() -> None:
    for section, registry in (
        ("dataset", DATASETS),
        ("attack", ATTACKS),
        ("evaluation.victim", VICTIMS),
        ("evaluation.detector", DETECTORS),
    ):
        assert sorted(names(section)) == registry.own_names()
        for name in names(section):
            assert {f"{section}.{key}" for key in registry.config(name).model_fields} - {
                f"{section}.name",
                *(f"{section}.{part}" for part in PARTS),
            } <= set(rows())
    assert sorted(names("evaluation.defence")) == STAGES
    keys = {key for name in STAGES for key in DEFENCES.config(name).model_fields if key != "name"}
    assert {f"evaluation.defence[].{key}" for key in keys} <= set(rows())


def test_the_block_is_brought_up_to_date() -> None:
    text = f"# Title\n\n{BEGIN}\nold | text\n{END}\nrest\n"
    new = update(text)
    assert new == f"# Title\n\n{BEGIN}\n{reference()}{END}\nrest\n"
    assert update(new) == new


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_a_text_without_the_block_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must hold <!-- reference:begin --> and, after it, <!-- reference:end -->"):
        update(text)
