"""What this machine lends: the tightest limit of all control groups counts."""

from pathlib import Path

import pytest

from pgan_ray.runner.machine import memory_for_actors, memory_limits


def machine(root: Path, groups: str, **limits: str) -> Path:
    """A file system whose process is in ``groups``; a limit's name is its file's path, with two lines for a slash."""
    files = {"proc/self/cgroup": groups, **{name.replace("__", "/"): limit for name, limit in limits.items()}}
    for name, text in files.items():
        file = root / (name if name.startswith("proc") else f"sys/fs/cgroup/{name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    return root


def test_limits_of_a_group_and_of_those_around_it(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        "0::/jobs/mine",
        **{"jobs__mine__memory.max": "max", "jobs__memory.max": "3000", "jobs__other__memory.max": "1"},
    )
    assert list(memory_limits(root)) == [3000]


def test_a_container_sees_its_own_group_as_the_outermost(tmp_path: Path) -> None:
    assert list(memory_limits(machine(tmp_path, "0::/", **{"memory.max": "5000"}))) == [5000]
    # With the host's name for it, too.
    assert list(memory_limits(machine(tmp_path, "0::/docker/abc", **{"memory.max": "5000"}))) == [5000]


def test_groups_of_the_first_version(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        "9:cpu,cpuacct:/a\n4:memory:/a/b\n0::/",
        **{"memory__a__b__memory.limit_in_bytes": "7000", "memory__memory.limit_in_bytes": "9223372036854771712"},
    )
    assert list(memory_limits(root)) == [7000, 9223372036854771712]


def test_a_system_without_groups_has_no_limit(tmp_path: Path) -> None:
    assert list(memory_limits(tmp_path)) == []


def test_actors_get_what_the_store_leaves_of_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pgan_ray.runner.machine.memory_limits", lambda: iter([10_000]))
    assert memory_for_actors() == 7_000
    monkeypatch.setattr("pgan_ray.runner.machine.memory_limits", lambda: iter([]))
    assert memory_for_actors() > 10_000
