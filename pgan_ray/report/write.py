"""From a sweep's directory to a report's."""

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Set

from pgan_ray.errors import SpecError
from pgan_ray.report.canvas import style, to_png, to_svg
from pgan_ray.report.charts import Group, ScatterFigure, TileFigure
from pgan_ray.report.curves import curve_groups
from pgan_ray.report.defences import defence_group, defence_table
from pgan_ray.report.detection import detection_group
from pgan_ray.report.draw import draw
from pgan_ray.report.page import Drawn, DrawnGroup, page
from pgan_ray.report.pictures import confusion_group, plane_group, samples_group
from pgan_ray.report.search import search_group, search_tables
from pgan_ray.report.study import Study, load_study
from pgan_ray.report.tables import confusion_csvs, paper_csv, points_csv, rate_tables, to_csv
from pgan_ray.report.verdicts import findings
from pgan_ray.results import Store, redact

INDEX, LIST = "index.html", "files.json"
ALWAYS = {"points.csv", "paper.csv"}  # in every report
MAX_LIST = 1 << 20  # bytes
_OURS = re.compile(r"\w+\.(png|svg|csv)")


def write_report(
    source: Store,
    target: Store,
    *,
    price_per_actor_hour: float | None = None,
    left_out: Callable[[str], None] | None = None,
) -> list[str]:
    """Write the report on the sweep in ``source`` into ``target``; returns the names of the files.

    Works on a finished, a partial or a copied directory; the same directory gives the same bytes.
    What an earlier report left in ``target`` is deleted. ``price_per_actor_hour``: for the cost.
    ``left_out`` is called with the name of each file that cannot be used and the reason. Raises `SpecError`
    where ``source`` holds no sweep, or ``target`` files of somebody else.
    """
    study = load_study(source)
    groups = figure_groups(study)
    found = findings(study)
    files: dict[str, bytes] = {}
    drawn = [_drawn(group, files) for group in groups]
    of_defences = defence_table(study)
    tables = [*search_tables(study), *([of_defences] if of_defences else []), *rate_tables(study)]
    for table in tables:
        files[f"table_{table.name}.csv"] = to_csv(table.columns, table.rows)
    files["points.csv"] = points_csv(study)
    files["paper.csv"] = paper_csv(found)
    files |= confusion_csvs(groups)
    if left_out is not None:
        for name, reason in sorted(study.files.damaged.items()):
            left_out(f"{name}: {reason}")
    html = page(study, drawn, found, tables, price_per_actor_hour)
    before = _listed(target)
    _check_ours(target, {*files, INDEX, LIST}, before)
    stale = before - set(files)
    target.write(LIST, _list([*files, *stale]))  # first: whatever ends this, the next report knows what is there
    for name, content in files.items():
        target.write(name, content)
    target.write(INDEX, html.encode())  # after the others: where it is, they are
    for name in stale:
        with contextlib.suppress(FileNotFoundError):
            target.delete(name)
    target.write(LIST, _list(files))
    return [INDEX, *sorted([*files, LIST])]


def _list(names: Iterable[str]) -> bytes:
    return json.dumps(sorted(names), indent=1).encode()


def _listed(target: Store) -> set[str]:
    """The files that an earlier report left in ``target``, by its list: figures and tables beside the page only."""
    try:
        names = json.loads(target.read(LIST, MAX_LIST))
    except (OSError, ValueError, RecursionError):
        return set()
    if not isinstance(names, list):
        return set()
    ours = {name for name in names if isinstance(name, str) and _OURS.fullmatch(name)}
    return ours if ours >= ALWAYS else set()  # else it is not a report's


def _check_ours(target: Store, names: Set[str], before: Set[str]) -> None:
    """See that nothing is replaced that is not an earlier report's, ``before``. Raises `SpecError`."""
    ours = {*before, INDEX, LIST} if before else set()
    there = sorted((names & set(target.entries())) - ours)
    if there:
        where = redact(target.location)
        raise SpecError(
            [
                f"{where}: must be a report's own directory or hold no file of its names, got {there[0]}, which no "
                "report is known to have written: name another directory with --out, or move it away"
            ]
        )


def figure_groups(study: Study) -> list[Group]:
    """What is drawn of ``study``, in the order of the page."""
    of_filters = [detection_group(study), defence_group(study)]
    optional = [*of_filters, confusion_group(study), plane_group(study), samples_group(study)]
    found = [search_group(study), *curve_groups(study), *optional]
    return [group for group in found if group is not None]


def _drawn(group: Group, files: dict[str, bytes]) -> DrawnGroup:
    """Draws the figures of ``group`` into ``files``, and says how the page shows them."""
    shown = []
    with style():
        for chart in group.figures:
            figure = draw(chart)
            png, svg = to_png(figure), to_svg(figure)
            files[f"{chart.name}.png"], files[f"{chart.name}.svg"] = png, svg
            # Thousands of dots are smaller, and quicker to show, as pixels.
            as_pixels = isinstance(chart, (ScatterFigure, TileFigure))
            kind, content = ("image/png", png) if as_pixels else ("image/svg+xml", svg)
            width, height = figure.get_size_inches()
            shown.append(Drawn(chart.name, chart.title, kind, content, round(96 * width), round(96 * height)))
    return DrawnGroup(group.title, group.caption, shown)
