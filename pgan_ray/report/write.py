"""From sweeps' directories to a report's."""

import contextlib
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from markupsafe import Markup

from pgan_ray.errors import SpecError
from pgan_ray.figures.canvas import inline, style, to_png, to_svg
from pgan_ray.figures.charts import Figure, Group, ScatterFigure, TileFigure
from pgan_ray.figures.draw import draw
from pgan_ray.figures.values import in_words, spots
from pgan_ray.report.compare_page import comparison_groups, comparison_page, difference_tables, differences_csv
from pgan_ray.report.curves import curve_groups
from pgan_ray.report.defences import defence_group, defence_tables
from pgan_ray.report.detection import detection_group
from pgan_ray.report.page import DrawnGroup, page
from pgan_ray.report.pictures import confusion_group, plane_group, samples_group
from pgan_ray.report.search import search_group, search_tables
from pgan_ray.report.tables import confusion_csvs, paper_csv, points_csv, rate_tables, to_csv
from pgan_ray.report.tradeoff import tradeoff_group
from pgan_ray.results import Store, redact
from pgan_ray.study.compare import compare
from pgan_ray.study.study import Study, load_study
from pgan_ray.study.verdicts import findings

INDEX, LIST = "index.html", "files.json"
ALWAYS = ({"points.csv", "paper.csv"}, {"differences.csv"})  # in every report, and in every comparison
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
    shown = [drawn(group, files) for group in groups]
    tables = [*search_tables(study), *defence_tables(study), *rate_tables(study)]
    for table in tables:
        files[f"table_{table.name}.csv"] = to_csv(table.columns, table.rows)
    files["points.csv"] = points_csv(study)
    files["paper.csv"] = paper_csv(found)
    files |= confusion_csvs(groups)
    _tell(study, left_out)
    return _publish(target, files, page(study, shown, found, tables, price_per_actor_hour))


def write_comparison(
    sources: Sequence[Store], target: Store, *, left_out: Callable[[str], None] | None = None
) -> list[str]:
    """Write a page on the sweeps in ``sources``, side by side, into ``target``; returns the names of the files.

    The first is what the others are compared with. ``left_out`` and the rest as for `write_report`. Raises `SpecError`
    where the sweeps are not of the same data and classes, or one is there twice.
    """
    studies = [load_study(source) for source in sources]
    found = compare(studies)
    files: dict[str, bytes] = {}
    shown = [drawn(group, files) for group in comparison_groups(found)]
    tables = difference_tables(found)
    claims = {letter: findings(study) for letter, study in found.studies.items()}
    files |= {f"table_{table.name}.csv": to_csv(table.columns, table.rows) for table in tables}
    files["differences.csv"] = differences_csv(found)
    for letter, study in found.studies.items():
        files[f"points_{letter}.csv"], files[f"paper_{letter}.csv"] = points_csv(study), paper_csv(claims[letter])
        _tell(study, left_out, f"{redact(study.files.store.location)}: ")
    return _publish(target, files, comparison_page(found, shown, claims, tables))


def _tell(study: Study, left_out: Callable[[str], None] | None, where: str = "") -> None:
    if left_out is not None:
        for name, reason in sorted(study.files.damaged.items()):
            left_out(f"{where}{name}: {reason}")


def _publish(target: Store, files: Mapping[str, bytes], html: bytes) -> list[str]:
    before = _listed(target)
    _check_ours(target, {*files, INDEX, LIST}, before)
    stale = before - set(files)
    target.write(LIST, _list([*files, *stale]))  # first: whatever ends this, the next report knows what is there
    for name, content in files.items():
        target.write(name, content)
    target.write(INDEX, html)  # after the others: where it is, they are
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
    return ours if any(ours >= always for always in ALWAYS) else set()  # else it is not a report's


def _check_ours(target: Store, names: Set[str], before: Set[str]) -> None:
    """See that nothing is replaced that is not an earlier report's, ``before``. Raises `SpecError`."""
    ours = {*before, INDEX, LIST} if before else set()
    there = sorted((names & set(target.entries())) - ours)
    if there:
        where = redact(target.location)
        raise SpecError(
            [
                f"{where}: must be a report's directory, or hold no file that a report would overwrite, got "
                f"{there[0]}: name another directory with --out, or move that file away"
            ]
        )


def figure_groups(study: Study) -> list[Group]:
    """What is drawn of ``study``, in the order of the page."""
    of_filters = [detection_group(study), defence_group(study)]
    optional = [*of_filters, confusion_group(study), plane_group(study), samples_group(study)]
    curves = curve_groups(study)
    found = [search_group(study), *curves[:1], tradeoff_group(study), *curves[1:], *optional]
    return [group for group in found if group is not None]


def drawn(group: Group, files: dict[str, bytes]) -> DrawnGroup:
    """Draws the figures of ``group`` into ``files``, and says how the page shows them."""
    with style():
        return DrawnGroup(group.title, group.caption, [_shown(chart, files) for chart in group.figures])


def _shown(chart: Figure, files: dict[str, bytes]) -> Markup:
    figure = draw(chart)
    png, svg = to_png(figure), to_svg(figure, spots(chart))
    files[f"{chart.name}.png"], files[f"{chart.name}.svg"] = png, svg
    alt = redact(in_words(chart))
    # Thousands of dots are smaller, and quicker to show, as pixels.
    if not isinstance(chart, (ScatterFigure, TileFigure)):
        return Markup(inline(svg, chart.name, alt))
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    kind = Markup(' class="chart"') if isinstance(chart, ScatterFigure) else ""
    image = Markup('<img{} src="data:image/png;base64,{}" width="{}" height="{}" alt="{}">')
    return image.format(kind, b64encode(png).decode(), width, height, alt)
