"""A report in a real browser: nothing is loaded, nothing overflows, nothing is wrong, on a phone and a desktop."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pgan_ray.report import write_comparison, write_report
from pgan_ray.results import Store
from tests.browser import chromium
from tests.report.report_sweep import PLANE, make_store, write_genuine

SIZES = pytest.mark.parametrize("width", [390, 1400])
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
PAGES = pytest.mark.parametrize("page", ["alphas", "plane", "comparison"])
OVERFLOWS = """() => [document.documentElement, ...document.querySelectorAll(".scroll")]
    .filter(box => box.scrollWidth > box.clientWidth + 1).map(box => box.textContent.slice(0, 80))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report on images' sweep, one on the plane, and one on two sweeps."""
    folder = tmp_path_factory.mktemp("reports")
    alphas, plane = make_store(folder / "a"), make_store(folder / "p", PLANE)
    write_genuine(plane)
    write_report(alphas, Store(folder / "alphas"))
    write_report(plane, Store(folder / "plane"))
    write_comparison([alphas, make_store(folder / "b", sweep_id="b")], Store(folder / "comparison"))
    return {name: folder / name / "index.html" for name in ("alphas", "plane", "comparison")}


def opened(browser: Any, page: Path, width: int, scheme: str) -> tuple[Any, list[str], list[str]]:
    """The page, what it asked for beside itself, and what the browser has to say against it."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    shown, asked, said = context.new_page(), list[str](), list[str]()
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.goto(page.as_uri())
    return shown, [url for url in asked if not url.startswith("data:") and url != page.as_uri()], said


@PAGES
@SIZES
@SCHEMES
def test_it_fits_and_asks_for_nothing(browser: Any, pages: dict[str, Path], page: str, width: int, scheme: str) -> None:
    shown, asked, said = opened(browser, pages[page], width, scheme)
    assert asked == []
    assert said == []
    assert shown.evaluate(OVERFLOWS) == []
    background = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(23, 23, 23)"}[scheme]
    shown.context.close()


def test_a_pointer_on_a_point_finds_its_number(browser: Any, pages: dict[str, Path]) -> None:
    shown, _, _ = opened(browser, pages["alphas"], 1400, "light")
    spot = shown.locator(".spots circle", has_text="α 0.1 at 40: 11.8").first
    spot.hover()  # fails where something lies over it
    box = spot.bounding_box()
    centre = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    told = shown.evaluate("([x, y]) => document.elementFromPoint(x, y).textContent", centre)
    assert told == "α 0.1 at 40: 11.8 ± 0.7"
    shown.context.close()


def test_contents_lead_to_their_sections(browser: Any, pages: dict[str, Path]) -> None:
    shown, _, _ = opened(browser, pages["alphas"], 390, "light")
    shown.get_by_role("link", name="All numbers").click()
    assert shown.evaluate("Math.round(document.getElementById('numbers').getBoundingClientRect().top)") < 900
    shown.context.close()
