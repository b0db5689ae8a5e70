"""The walk-through: its commands are known, its files are there, costs have their place."""

import re
import shlex
from pathlib import Path

from tests.test_readme import check, commands

from .files import INFRA, ROOT, text

README = text(INFRA / "README.md")


def test_its_commands_are_known() -> None:
    found = list(commands(README))
    assert found
    for arguments in found:
        check(arguments)


def test_the_files_that_it_names_are_there() -> None:
    # Of the repository, or of this folder; of the one that a reader makes, the example.
    named = set(re.findall(r"\b((?:infra|sweeps|compose|kuberay|launcher|mlflow)/[\w./-]*\.\w+)\b", README))
    assert {"infra/launcher/aws.yaml", "kuberay/rayjob.yaml", "infra/compose/.env"} <= named
    named = {
        name.replace("compose/.env", "compose/.env.example").replace(".example.example", ".example") for name in named
    }
    assert [name for name in sorted(named) if not (ROOT / name).exists() and not (INFRA / name).exists()] == []


def test_its_links_lead_somewhere() -> None:
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", README) if "://" not in target]
    assert [target for target in targets if not (INFRA / Path(target.split("#")[0])).exists()] == []


def test_costs_have_a_place_of_their_own() -> None:
    (costs,) = re.findall(r"^## Costs\n(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    assert re.search(r"pgan-ray plan \S+ --device \S+ --gpus \S+ --price-per-hour \S+", costs)


def test_no_secret_is_on_a_command_line() -> None:
    for block in re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            given = [word for word in words if re.search(r"(?i)(password|secret|token)[\w-]*=", word)]
            assert [word for word in given if "$" not in word and "/dev/" not in word] == []
