"""Clusters without a way out: data sets are fetched beforehand, and a sweep needs nothing but them."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from infra import fetch_data
from pgan_ray.results import Store, read_rows
from tests.data.conftest import server, tiny
from tests.data.helpers import NAMES, FileServer, Tiny
from tests.data.test_sources import serve
from tests.faults.services import PGAN_RAY, Command
from tests.tiny import CELLS, write_tiny

__all__ = ["server", "tiny"]  # fixtures

# A network of its own with nothing in it but itself, and a folder that nobody can write to.
CUT_OFF = ("unshare", "--net", "--mount", "sh", "-c", 'ip link set lo up && mount -o bind,ro "$0" "$0" && exec "$@"')


@pytest.fixture
def known(server: FileServer, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """The only data set, on a mirror."""
    here = replace(tiny.known, mirrors=(serve(server, tiny),))
    monkeypatch.setattr(fetch_data, "IDX_DATASETS", {"tiny": here})
    return tiny


def test_what_is_fetched_lies_where_a_data_directory_has_it(
    known: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FileServer
) -> None:
    elsewhere = tmp_path / "elsewhere"
    known.put(elsewhere / "tiny")
    monkeypatch.setenv("PGAN_RAY_DATA", str(elsewhere))
    data = tmp_path / "data"
    fetch_data.main(data, "tiny")
    assert {file.name for file in (data / "tiny").glob("*.gz")} == {f"{name}.gz" for name in NAMES}
    server.files.clear()
    fetch_data.main(data, "tiny")


@pytest.mark.usefixtures("known")
def test_no_name_makes_an_empty_folder_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    fetch_data.main(tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []
    with pytest.raises(SystemExit, match="data set: must be of tiny, got mnist"):
        fetch_data.main(tmp_path / "data", "mnist")


@pytest.mark.cluster
@pytest.mark.parametrize("executor", ["local", "ray"])
def test_a_sweep_needs_no_network(full_data_dir: Path, tmp_path: Path, executor: str) -> None:
    if subprocess.run([*CUT_OFF, tmp_path, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to make a network and to mount")
    write_tiny(tmp_path)
    options = ("--set", "dataset={name: mnist}", "--executor", executor, "--offline-tracking")
    program = (*CUT_OFF, str(full_data_dir), *PGAN_RAY)
    with Command(
        *("sweep", "tiny.yaml", "--out", "out", *options),
        home=tmp_path,
        environment={"PGAN_RAY_DATA": str(full_data_dir)},
        program=program,
    ) as command:
        ended = command.end()
    assert ended.code == 0, ended.err
    assert len(read_rows(Store(tmp_path / "out"))) == CELLS
