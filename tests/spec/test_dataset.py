"""The `dataset` section, of today and as earlier versions wrote it."""

from typing import Any

import pytest

from pgan_ray.errors import SpecError
from pgan_ray.spec import SweepRecord, load_record
from pgan_ray.spec.dataset import section_of_today
from pgan_ray.spec.record import digest
from pgan_ray.spec.yaml_file import dump_yaml

from .helpers import Loader, changed

FILE = {"name": "file", "path": "a.npz"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"name": "digits", "path": None, "value_range": None, "scaling": None}, {"name": "digits"}),
        ({"name": None, "path": "a.npz", "value_range": [0, 1]}, {**FILE, "value_range": [0, 1]}),
        ({"path": "a.npz", "scaling": None, "split_seed": None}, {"path": "a.npz", "split_seed": None}),
        (
            {"grid": [{"name": "digits", "path": None}, {"name": None, "path": "a.npz"}]},
            {"grid": [{"name": "digits"}, FILE]},
        ),
        ({"name": {"grid": ["digits", "mnist"]}, "path": None}, {"name": {"grid": ["digits", "mnist"]}}),
        ({"name": None}, {}),
        ({"name": "mine", "year": None}, {"name": "mine", "year": None}),
        ([1], [1]),
    ],
)
def test_a_section_of_old(old: Any, new: Any) -> None:
    assert section_of_today(old) == new
    assert section_of_today(new) == new


def test_a_profile_of_old_takes_a_file_in_a_names_place_and_back(load: Loader) -> None:
    to_file = {"profiles.own.dataset": {"name": None, "path": "a.npz", "scaling": "none"}}
    (found,) = {c.settings.dataset.known_as for c in load(to_file, profile="own").configurations}
    assert found == "a.npz"
    body = {"dataset": {"name": None, "path": "a.npz", "scaling": "none"}}
    to_name = {"profiles.own.dataset": {"name": "digits", "path": None, "scaling": None, "judged_on": "validation"}}
    (found,) = {c.settings.dataset.known_as for c in load(body | to_name, profile="own").configurations}
    assert found == "digits (validation)"
    settings = load(overrides=["dataset.name=null", "dataset.path=b.npz"]).configurations[0].settings
    assert settings.dataset.model_dump()["path"] == "b.npz"
    settings = load(body, overrides=["dataset.name=digits", "dataset.path=null"]).configurations[0].settings
    assert settings.dataset.known_as == "digits"


def test_null_in_a_profile_is_the_default_again(load: Loader) -> None:
    body = {"dataset": {"name": "file", "path": "a.npz", "scaling": "standard"}}
    for found in (
        load(body | {"profiles.own.dataset": {"scaling": None}}, profile="own"),
        load(body, overrides=["dataset.scaling=null"]),
    ):
        assert found.configurations[0].settings.dataset.model_dump()["scaling"] is None


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        ({"name": "digits"}, {"path": None}),
        ({"name": None, "path": "a.npz"}, {"scaling": "min_max"}),
        ({"name": {"grid": ["digits", "gaussians"]}}, {"path": None}),
    ],
)
def test_a_record_of_old_is_the_sweep_that_it_was(load: Loader, dataset: dict[str, Any], said: dict[str, Any]) -> None:
    keys = {"path": None, "value_range": None, "scaling": None, "test_fraction": 0.2, "judged_on": "test"}
    section = {**keys, "name": None, "split_seed": None, **dataset, **said}
    document = {**changed({}), "dataset": section}
    head = {"format": 3, "sweep_id": "small-1", "profile": "body", "digest": digest(document), "facts": {}}
    text = dump_yaml({**document, "resolved": head})
    record = load_record(text, "sweep.yaml")
    assert record.digest == head["digest"]
    assert record.to_yaml() == text
    today = {key: value for key, value in {**dataset, **said}.items() if value is not None}
    sweep = load(dump_yaml({**changed({}), "dataset": today}))
    assert record.sweep.configurations == sweep.configurations
    again = SweepRecord("id", record.sweep)
    assert load_record(again.to_yaml(), "sweep.yaml").sweep == record.sweep
    with pytest.raises(SpecError, match="got an edited file"):
        load_record(text.replace("test_fraction: 0.2", "test_fraction: 0.3"), "sweep.yaml")
