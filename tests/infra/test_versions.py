"""One version of everything, everywhere, within what pyproject.toml allows."""

import re

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from .files import (
    COMPOSE,
    FILES,
    INFRA,
    LAUNCHERS,
    constraints,
    document,
    manifests,
    nodes,
    project,
    requirements,
    text,
)

OURS = "registry.example.com/"


def test_the_images_hold_what_the_project_asks_for() -> None:
    versions = constraints()
    asked = requirements()
    assert {"ray", "mlflow", "torch"} <= {requirement.name for requirement in asked}
    for requirement in asked:
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_what_the_images_add_has_a_version_too() -> None:
    lines = [line.split("#")[0].strip() for line in text(INFRA / "image.in").splitlines()]
    names = [re.split(r"[\[<>=]", line)[0] for line in lines if line]
    assert {"boto3", "psycopg2-binary", "ray"} <= set(names)
    assert [found for found in names if found not in constraints()] == []


def test_python_is_one_that_the_project_supports() -> None:
    (version,) = re.findall(r"^FROM python:([\d.]+)-", text(INFRA / "Dockerfile"), re.MULTILINE)
    assert SpecifierSet(project("requires-python")).contains(version)
    minor = ".".join(version.split(".")[:2])
    assert f"--python-version {minor}" in text(INFRA / "constraints.txt")


def test_kuberay_is_told_the_version_of_ray() -> None:
    found = [node["rayVersion"] for manifest in manifests() for node in nodes(manifest) if "rayVersion" in node]
    assert found == [constraints()["ray"]] * 2


def test_our_images_have_the_projects_version_everywhere() -> None:
    named = [node["image"] for manifest in manifests() for node in nodes(manifest) if "image" in node]
    named += [service["image"] for service in document(COMPOSE)["services"].values()]
    named += [document(file)["docker"]["image"] for file in LAUNCHERS]
    ours = {image for image in named if image.startswith(OURS)}
    version = project("version")
    assert ours == {f"{OURS}pgan-ray:{version}", f"{OURS}pgan-ray-mlflow:{version}"}
    in_prose = {found for file in FILES for found in re.findall(rf"{OURS}[\w-]+:[\w.]+\w", text(file))}
    assert in_prose == ours


def test_other_images_are_pinned_by_digest_and_alike_everywhere() -> None:
    named = [node["image"] for manifest in manifests() for node in nodes(manifest) if "image" in node]
    named += [service["image"] for service in document(COMPOSE)["services"].values()]
    others = {image for image in named if not image.startswith(OURS)}
    assert len(others) == len({image.split(":")[0] for image in others}) == 2
    for image in others:
        assert re.fullmatch(r"[\w./-]+:\d[\w.-]+@sha256:[0-9a-f]{64}", image)
