"""A whole report: self-contained, escaped, the same twice, from whatever a directory holds."""

import csv
import io
import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pgan_ray.errors import SpecError
from pgan_ray.report import write_report
from pgan_ray.results import Store, read_rows
from pgan_ray.spec import Cell, Settings
from tests.report.html_page import Page
from tests.report.report_sweep import (
    ALPHAS,
    DETECTION,
    FLIPS,
    PLANE,
    TEN,
    harm,
    make_record,
    make_store,
    write_genuine,
)


def report(source: Store, folder: Path, **more: Any) -> Page:
    names = write_report(source, Store(folder), **more)
    assert names[0] == "index.html"
    assert sorted(names) == Store(folder).names("")
    return page_of(folder)


def page_of(folder: Path) -> Page:
    return Page((folder / "index.html").read_text(encoding="utf-8"))


PRICE = {"price_per_actor_hour": 2.0}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sweep's report, which tests only read."""
    folder = tmp_path_factory.mktemp("whole")
    report(make_store(folder / "sweep"), folder / "out", **PRICE)
    return folder / "out"


def test_a_finished_sweep(whole: Path) -> None:
    page = page_of(whole)
    assert (page.tags.count("svg"), len(page.loads)) == (3 + 1 + 3 + 1, 3)
    assert all(load.startswith("data:image/") for load in page.loads)
    assert len(set(page.ids)) == len(page.ids)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    html = (whole / "index.html").read_text(encoding="utf-8")
    assert "url(" not in html.replace("url(#", "")
    assert 'name="viewport"' in html
    assert (
        "40 % poison of alpha=0.1. With it (means with 95 % intervals over 3 replicates), class 3 is taken for class 5"
        in page.text
    )
    assert "agrees: " in page.text
    assert "0.840" in page.text  # hours: 9 generators of 120 s, 54 cells of 36 s
    assert "1.68" in page.text
    names = Store(whole).names("")
    for name in (
        "error_by_poison.png",
        "error_by_poison.svg",
        "samples_1.png",
        "points.csv",
        "paper.csv",
        "table_error.csv",
    ):
        assert name in names


def test_pictures_tell_their_numbers(whole: Path) -> None:
    page = page_of(whole)
    error = page.pictures[0]
    assert error.startswith("Test error. test error, %, against poison, % of the training set; α 0.1: 2.6 ± 0.2 at 0, ")
    told = "α 0.1 at 40: 11.8 ± 0.7"
    assert told in page.titles
    (shown,) = re.findall(r"α 0\.1: .*? at 40", error)
    assert shown.endswith("11.8 ± 0.7 at 40")
    assert told in (whole / "error_by_poison.svg").read_text(encoding="utf-8")
    assert page.pictures[-1] == "α 0.9. 32 grey images of 4 x 4 pixels."


def test_what_counts_comes_first(tmp_path: Path) -> None:
    store = make_store(tmp_path / "sweep", ALPHAS.replace("replicates: 3", "replicates: 2"))
    page = report(store, tmp_path / "out")
    assert page.links[1:3] + page.links[-2:] == ["#figures-1", "#doubt", "#numbers", "#facts"]
    text = re.sub(r"\s+", " ", page.text)
    order = ["40 % poison of alpha=0.1", "Warnings", "over 2 replicates per attack, too few", "All numbers"]
    places = [text.rindex(part) for part in order]
    assert places == sorted(places)


def test_its_numbers_as_csv(whole: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((whole / "points.csv").read_text())))
    (one,) = (r for r in rows if (r["label"], r["poison_fraction"], r["rate"]) == ("α 0.1", "0.0", "test_error"))
    assert float(one["mean"]) == pytest.approx(0.02625)
    assert float(one["low"]) < 0.02625 < float(one["high"])
    assert (one["generators"], one["cells"]) == ("3", "6")
    paper = list(csv.DictReader(io.StringIO((whole / "paper.csv").read_text())))
    assert {row["verdict"] for row in paper} == {"agrees", "compatible"}
    clean = next(row for row in paper if "2.5 %" in row["statement"])
    assert (float(clean["here"]), clean["unit"]) == (pytest.approx(2.625), "%")
    table = list(csv.reader(io.StringIO((whole / "table_error.csv").read_text())))
    assert table[0] == ["series", "0 %", "20 %", "40 %"]
    assert table[1][:2] == ["α 0.1", "2.6 ± 0.2"]


def test_the_same_directory_gives_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    time.sleep(1.1)  # a date that has crept in would have changed
    names = write_report(Store(whole.parent / "sweep"), Store(tmp_path / "again"), **PRICE)
    assert sorted(names) == Store(whole).names("")
    for name in names:
        assert (whole / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


EVIL = "<script>alert('x')</script><img src=http://evil.example/x.png>"


def test_what_files_say_is_escaped(tmp_path: Path) -> None:
    text = ALPHAS.replace('"three alphas"', json.dumps(EVIL)).replace(
        "name: mnist}", f"name: null, path: {json.dumps(EVIL)}}}"
    )
    store = make_store(tmp_path / "sweep", text)
    store.write(
        "summary.json", json.dumps({"outcome": "partial", "failures": [f"{EVIL}\n{EVIL}"], "diverged": [EVIL]}).encode()
    )
    page = report(store, tmp_path / "out")
    assert "script" not in page.tags
    assert all(load.startswith("data:") for load in page.loads)
    assert page.text.count(EVIL) >= 4
    for figure in (tmp_path / "out").glob("*.svg"):
        assert "script" not in figure.read_text()


def test_no_secrets_reach_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3-hunter2")
    paths = [f"https://someone:hunter2@data.example/{name}.npz?token=hunter2" for name in ("a", "b")]
    text = ALPHAS.replace('"three alphas"', json.dumps(paths[0])).replace(
        "name: mnist}", f"path: {{grid: {json.dumps(paths)}}}}}"
    )
    store = make_store(tmp_path / "sweep", text)
    told = {"outcome": "failed", "failures": [f"no\n{paths[0]}", "signed with s3-hunter2"], "retried": [paths[1]]}
    store.write("summary.json", json.dumps(told).encode())
    page = report(store, tmp_path / "out")
    assert "data.example/b.npz" in page.text
    assert "signed with ***" in page.text
    for file in (tmp_path / "out").iterdir():
        assert b"hunter2" not in file.read_bytes(), file.name


def test_what_an_earlier_report_left_is_deleted(tmp_path: Path) -> None:
    out = Store(tmp_path / "out")
    earlier = set(write_report(make_store(tmp_path / "flips", FLIPS), out))
    out.write("notes.csv", b"mine")
    listed = json.loads(out.read("files.json"))
    out.write("files.json", json.dumps([*listed, "../flips/sweep.yaml", "gone.png", 3]).encode())
    now = set(write_report(make_store(tmp_path / "plane", PLANE), out))
    assert earlier - now
    assert set(out.names("")) == now | {"notes.csv"}
    assert (tmp_path / "flips/sweep.yaml").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("files.json", content) for content in (b"{", b"3", b'{"a": 1}', b"[1, null]", b'["mine.csv"]')),
        ("index.html", b"mine"),
        ("points.csv", b"mine"),
    ],
)
def test_what_is_not_a_reports_is_not_replaced(tmp_path: Path, name: str, content: bytes) -> None:
    out = Store(tmp_path / "out")
    out.write(name, content)
    out.write("mine.csv", b"")
    with pytest.raises(SpecError, match=rf"out: must be a report's directory, .*, got {name}: .*--out, or move"):
        write_report(make_store(tmp_path / "sweep", replicates=0), out)
    assert out.names("") == sorted([name, "mine.csv"])
    assert out.read(name) == content


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            ALPHAS,
            (
                "victims/alpha=0.1/r0.parquet",
                "generators/alpha=0.5/r0/record.json",
                "generators/alpha=0.1/r0/samples.safetensors",
                "summary.json",
            ),
        ),
        (PLANE, ("generators/alpha=0/r0/poison.safetensors", "genuine.parquet")),
    ],
    ids=["alphas", "plane"],
)
@pytest.mark.parametrize("share", [0.0, 0.7])
def test_every_damaged_file_is_named_and_the_rest_is_shown(
    tmp_path: Path, text: str, names: tuple[str, ...], share: float
) -> None:
    store = make_store(tmp_path / "sweep", text)
    write_genuine(store)
    store.write("summary.json", b'{"outcome": "complete"}')
    for name in names:
        content = store.read(name)
        store.write(name, content[: int(share * len(content))])
    page = report(store, tmp_path / "out")
    for name in names:
        assert f"unreadable: {name}: " in page.text
    assert page.pictures
    assert page.text.count("unreadable: ") == len(names)


def test_a_file_whose_name_is_no_text_is_named_all_the_same(tmp_path: Path) -> None:
    store = make_store(tmp_path / "sweep", replicates=1)
    (tmp_path / "sweep" / "victims" / "alpha=0.1" / "\udcff.parquet").write_bytes(b"")
    assert r"unreadable: victims/alpha=0.1/\udcff.parquet: " in report(store, tmp_path / "out").text


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"image_shape": null, "seconds": "x"}', b"\xff"])
def test_a_record_that_is_none(tmp_path: Path, content: bytes) -> None:
    store = make_store(tmp_path / "sweep", replicates=1)
    store.write("generators/alpha=0.1/r0/record.json", content)
    assert "unreadable: generators/alpha=0.1/r0/record.json" in report(store, tmp_path / "out").text


def test_rows_that_are_others(tmp_path: Path) -> None:
    store = make_store(tmp_path / "sweep", replicates=1)
    rows = read_rows(store)
    store.write_table("victims/x.parquet", rows.drop_columns(["cell_id"]))
    store.write_table("victims/y.parquet", pa.table({"a": [1]}))
    again = read_rows(store, "alpha=0.1")  # cells that are there twice
    store.write_table("victims/alpha=0.1/z.parquet", again)
    page = report(store, tmp_path / "out")
    assert page.text.count("unreadable: ") == 2
    assert "18 of 54 cells" in page.text


def test_a_partial_sweep_and_one_without_results(tmp_path: Path) -> None:
    page = report(make_store(tmp_path / "some", replicates=2), tmp_path / "a")
    assert "unfinished" in page.text
    assert "(2 of 3)" in page.text
    assert "missing: 6 cells of alpha=0.1 have no row" in page.text
    empty = Store(tmp_path / "empty")
    empty.write("sweep.yaml", make_record().to_yaml().encode())
    page = report(empty, tmp_path / "b")
    assert "No victim has been scored yet" in page.text
    assert page.pictures == []
    assert "cannot tell: " in page.text


def test_one_generator_has_no_interval(tmp_path: Path) -> None:
    page = report(make_store(tmp_path / "sweep", ALPHAS.replace("replicates: 3", "replicates: 1")), tmp_path / "out")
    assert "fewer than 3 generators" in page.text
    assert "agrees: 0" in page.text
    assert "±" not in (tmp_path / "out/table_error.csv").read_text()


def diverging(settings: Settings, cell: Cell) -> dict[str, Any]:
    return harm(settings, cell) | ({"outcome": "diverged"} if cell.replicate else {})


@pytest.mark.parametrize("text", [FLIPS, DETECTION, TEN, PLANE], ids=["flips", "detection", "ten", "plane"])
def test_every_kind_of_sweep(tmp_path: Path, text: str) -> None:
    store = make_store(tmp_path / "sweep", text)
    if text == PLANE:
        write_genuine(store)
    assert report(store, tmp_path / "out").pictures


@pytest.mark.parametrize("text", [ALPHAS, DETECTION], ids=["alphas", "detection"])
def test_where_most_diverged(tmp_path: Path, text: str) -> None:
    page = report(make_store(tmp_path / "sweep", text, diverging), tmp_path / "out")
    assert "diverged: " in page.text
    assert page.pictures


def test_rows_of_an_earlier_version(tmp_path: Path) -> None:
    store = make_store(tmp_path / "sweep")
    rows = read_rows(store)
    for name in store.names("victims"):
        store.delete(name)
    store.write_table("victims/all.parquet", rows.drop_columns(["confusion", "boundary"]))
    assert "agrees: " in report(store, tmp_path / "out").text


def test_generators_that_were_not_copied(tmp_path: Path) -> None:
    store = make_store(tmp_path / "sweep")
    shutil.rmtree(tmp_path / "sweep/generators")
    page = report(store, tmp_path / "out")
    assert "0 of 9 generators" in page.text
    assert "Generated poison" not in page.text


def test_a_task_of_which_the_paper_says_nothing(tmp_path: Path) -> None:
    page = report(make_store(tmp_path / "sweep", ALPHAS.replace("name: mnist}", "name: digits}")), tmp_path / "out")
    assert "states nothing about this task" in page.text
    assert "not the paper's setting" not in page.text


def test_a_quick_profile_says_that_it_is_not_the_papers(tmp_path: Path) -> None:
    store = make_store(tmp_path / "sweep", ALPHAS)
    record = make_record(ALPHAS + "profiles: {quick: {attack: {batch_size: 20}}}\n", "quick")
    store.write("sweep.yaml", record.to_yaml().encode())
    page = report(store, tmp_path / "out")
    assert page.links.count("#setting") == 1
    assert page.ids.count("setting") == 1
    text = re.sub(r"\s+", " ", page.text)
    assert "Profile quick is not the paper's setting" in text
    assert "attack.batch_size" in text


def test_no_sweep_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="must be the directory of a sweep"):
        write_report(Store(tmp_path / "nothing"), Store(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_on_s3(s3: str, whole: Path) -> None:
    names = write_report(make_store(s3), Store(f"{s3}/report"), **PRICE)
    target = Store(f"{s3}/report")
    assert sorted(names) == target.names("")
    assert b"<!doctype html>" in target.read("index.html")
    assert target.read("index.html") == (whole / "index.html").read_bytes()


def test_rows_stay_as_they_are(tmp_path: Path) -> None:
    store = make_store(tmp_path / "sweep")
    before: pa.Table = read_rows(store)
    write_report(store, Store(tmp_path / "sweep/report"))
    assert read_rows(store).equals(before)
