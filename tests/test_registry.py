"""Finding components: by name, by entry point and by import path."""

import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from pgan_ray.attacks import Attack
from pgan_ray.registry import ATTACKS, DATASETS, DEFENCES, DETECTORS, VICTIMS, ComponentError, Registry

MINE = """
from pgan_ray.attacks import Attack

class Mine(Attack):
    pass

not_a_class = 3


class Base:
    def fit(self, x, y): ...
    def predict(self, x): ...


class Tuples(Base):
    def __init__(self, sizes=(1, 2), features=3, epochs=4): ...


class Taken(Base):
    def __init__(self, make=1, copy=2, registry=3, name=4, component=5, _hidden=6, trains=7, fine=8): ...


def factory(features, classes, image_shape, epochs=3): ...


class Meta(type):
    @property
    def __signature__(cls):
        raise RuntimeError("no signature")


class Odd(Base, metaclass=Meta): ...
"""


@pytest.fixture
def registry() -> Registry:
    """Another one of attacks, so that nothing is left behind."""
    return Registry("attack", group="g", package="pgan_ray.attacks", interface="pgan_ray.attacks.interface:Attack")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, with a module of the user's in it."""
    (tmp_path / "mine_of_old.py").write_text(MINE)
    (tmp_path / "broken_of_old.py").write_text("import no_such_module")
    (tmp_path / "ends_of_old.py").write_text("import sys; sys.exit()")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in ("mine_of_old", "broken_of_old"):
        sys.modules.pop(name, None)


def test_our_own_are_in_the_files_of_their_names() -> None:
    rooms = (
        *((DATASETS, "datasets"), (ATTACKS, "attacks"), (DETECTORS, "defences"), (DEFENCES, "defences")),
        (VICTIMS, "victims"),
    )
    for registry, room in rooms:
        assert registry.own_names()
        for name in registry.own_names():
            component = registry.get(name)
            assert component.__module__ == f"pgan_ray.{room}.{name.replace('-', '_')}"
            assert component.Config.component is component
            assert component.name == name
            assert component.label


def test_a_class_by_its_import_path(folder: Path, registry: Registry) -> None:
    found = registry.get("mine_of_old:Mine")
    assert issubclass(found, Attack)
    assert found.name == "mine_of_old:Mine"
    assert found.label == "Mine"
    assert registry.config("mine_of_old:Mine")().name == "mine_of_old:Mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:X", r"^must be an attack that can be imported, got 'no_such_module:X': ModuleNotFoundError: "),
        ("broken_of_old:X", r"got 'broken_of_old:X': ModuleNotFoundError: No module named 'no_such_module'$"),
        ("ends_of_old:X", r"got 'ends_of_old:X': SystemExit: no message$"),
        ("mine_of_old:Other", r"got 'mine_of_old:Other': AttributeError: module 'mine_of_old' has no attribute"),
        ("mine_of_old:not_a_class", r"^must be a subclass of `pgan_ray.attacks.Attack`, got .*, an object of int$"),
        ("pathlib:Path", r"^must be a subclass of `pgan_ray.attacks.Attack`, got 'pathlib:Path', the class Path$"),
        ("a b:c", r"got 'a b:c': ImportError: an import path is written `package.module:Class`$"),
        (":", r"got ':': ImportError: an import path is written"),
        ("pgna", r"^must be one of .*`pgan`.*, or an import path `package.module:Class`, got 'pgna'; did you mean"),
        ("engines", r"^must be one of "),
        ("../pgan", r"^must be one of "),
        ("", r"^must be one of "),
    ],
)
def test_what_cannot_be_found_says_why(folder: Path, name: str, message: str) -> None:
    with pytest.raises(ComponentError, match=message):
        ATTACKS.get(name)


def test_entry_points_of_installed_packages(folder: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    points = metadata.EntryPoints(
        metadata.EntryPoint(name, value, "g")
        for name, value in (("mine", "mine_of_old:Mine"), ("broken", "broken_of_old:X"), ("pgan", "mine_of_old:Mine"))
    )
    monkeypatch.setattr(metadata, "entry_points", lambda group: points.select(group=group))
    assert registry.get("mine").__name__ == "Mine"
    assert "mine" in registry.names()
    with pytest.raises(ComponentError, match=r"got 'broken' \(broken_of_old:X\): ModuleNotFoundError: No module named"):
        registry.get("broken")
    monkeypatch.setattr(metadata, "entry_points", lambda group: points.select(group="g"))
    assert ATTACKS.get("pgan").__module__ == "pgan_ray.attacks.pgan"  # our own come first


def test_what_one_kind_includes_is_found_under_its_own_and_the_others_entry_points(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    inner = Registry("detector", group="d", package="pgan_ray.attacks", interface="pgan_ray.attacks.interface:Attack")
    outer = Registry(
        "defence", group="o", package="pgan_ray.victims", interface="pgan_ray.attacks.interface:Attack", includes=inner
    )
    points = metadata.EntryPoints(
        metadata.EntryPoint(name, "mine_of_old:Mine", group) for name, group in (("theirs", "d"), ("own", "o"))
    )
    monkeypatch.setattr(metadata, "entry_points", lambda group: points.select(group=group))
    assert {"own", "theirs"} <= set(outer.names())
    assert outer.get("theirs") is outer.get("own") is inner.get("theirs")
    assert (outer.is_installed("theirs"), outer.is_ours("theirs"), inner.is_installed("own")) == (True, False, False)
    with pytest.raises(ComponentError, match=r"^must be one of "):
        inner.get("own")
    with pytest.raises(ComponentError, match=r"^must be one of .*`own`, .*`theirs`, or an import path"):
        outer.get("thiers-alike")


def test_a_name_is_taken_once(registry: Registry) -> None:
    class One(Attack):
        name = "one"

    assert registry.register(One) is One
    assert registry.register(One) is One
    assert registry.get("one") is One

    class Two(Attack):
        name = "one"

    with pytest.raises(ValueError, match="must have a name of its own, got 'one', the attack "):
        registry.register(Two)


def test_a_borrowed_schema_makes_each_class_its_own() -> None:
    lender = VICTIMS.get("random_forest")

    class Mine(lender):  # type: ignore[misc, valid-type]
        Config = lender.Config

    assert lender.Config.component is lender
    assert type(lender.Config().make()) is lender
    assert Mine.Config.component is Mine
    assert type(Mine.Config().make()) is Mine


def test_a_name_of_two_packages_is_told(folder: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"mine": ("mine_of_old:Mine", "broken_of_old:X"), "again": ("mine_of_old:Mine",) * 2}
    points = metadata.EntryPoints(metadata.EntryPoint(n, value, "g") for n, every in values.items() for value in every)
    monkeypatch.setattr(metadata, "entry_points", lambda group: points.select(group=group))
    with pytest.raises(
        ComponentError, match=r"got 'mine' for broken_of_old:X and mine_of_old:Mine: write the import path instead$"
    ):
        registry.get("mine")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    assert registry.get("again").__name__ == "Mine"


@pytest.fixture
def victims() -> Registry:
    """Another one of victims."""
    module = "pgan_ray.victims"
    return Registry(
        "victim", group="g", package=module, interface=f"{module}.interface:Victim", adapter=f"{module}.adapters:adapt"
    )


def test_defaults_are_left_to_a_class_as_a_record_has_them(folder: Path, victims: Registry) -> None:
    """A record is JSON, in which a tuple is a list; a class may do with the one alone."""
    from pgan_ray.victims.adapters import _arguments

    config = victims.config("mine_of_old:Tuples")
    read = config.model_validate(config().model_dump(mode="json"))
    assert read == config()
    assert _arguments(read.make()) == {}
    assert _arguments(config(sizes=[1, 3], features=5).make()) == {"sizes": [1, 3], "features": 5}


def test_arguments_that_are_called_as_something_of_ours_are_told(folder: Path, victims: Registry) -> None:
    names = "'make', 'copy', 'registry', 'name', 'component', '_hidden', 'trains'"
    with pytest.raises(ComponentError, match=rf"got {names} of 'mine_of_old:Taken': wrap it in a class or function"):
        victims.get("mine_of_old:Taken")
    with pytest.raises(ComponentError, match="got 'epochs' of 'mine_of_old:factory'"):
        victims.get("mine_of_old:factory")


def test_a_class_that_cannot_be_looked_at_is_told(folder: Path, victims: Registry) -> None:
    with pytest.raises(ComponentError, match=r"'mine_of_old:Odd': RuntimeError: no signature$"):
        victims.get("mine_of_old:Odd")
