"""The page: everything in one HTML file, nothing loaded from elsewhere. All text is escaped by the template."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pgan_ray.report import facts
from pgan_ray.report.tables import Table, verdict_rows
from pgan_ray.results import answer, redactor
from pgan_ray.spec import PAPER
from pgan_ray.spec.yaml_file import dump_yaml
from pgan_ray.study.paper import Family
from pgan_ray.study.rules import VERDICTS
from pgan_ray.study.setting import departures
from pgan_ray.study.study import Study
from pgan_ray.study.verdicts import Finding, by_statement, family, overall


@dataclass(frozen=True)
class DrawnGroup:
    """Figures under one heading, each as the page holds it."""

    title: str
    caption: str
    figures: Sequence[Markup]


def page(
    study: Study,
    groups: Sequence[DrawnGroup],
    found: Sequence[Finding],
    tables: Sequence[Table],
    price_per_actor_hour: float | None,
) -> bytes:
    """The HTML file."""
    outcome, sweep = facts.outcome(study), study.record.sweep
    anchors = [(f"figures-{number}", group) for number, group in enumerate(groups, 1)]
    ends = [("paper", "Paper and here"), ("numbers", "All numbers"), ("facts", "The sweep")]
    return render(
        "page.html.jinja",
        name=sweep.name,
        description=sweep.description,
        answer=answer(sweep, study.tally.points, study.changes, study.by_defence),
        profile=sweep.profile,
        outcome=outcome,
        outcome_text=facts.OUTCOMES[outcome],
        contents=contents(anchors[:1], [("doubt", "Warnings")], anchors[1:], ends),
        facts=facts.fact_rows(study),
        yaml=dump_yaml(sweep.document),
        costs=facts.cost_table(study, price_per_actor_hour),
        price=price_per_actor_hour,
        groups=anchors,
        settings=_settings(study),
        verdicts=verdict_rows({"": found}),
        counts=_counts(found),
        tables=tables,
        failures=facts.failures(study),
        doubts=facts.doubts(study),
        has_rows=bool(study.rows),
        pairs_seeds=len({one.settings.seed for one in study.series}) == 1,
    )


def render(template: str, **values: Any) -> bytes:
    """One of our templates with ``values``, whose texts are escaped and without secrets, in UTF-8.

    Encoded piece by piece: as one text, a large sweep's page takes several times the room of the file.
    """
    hidden = redactor()

    def finalize(value: Any) -> Any:
        """What the template is about to write; figures are written as they are."""
        return hidden(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    content = io.BytesIO()
    environment.get_template(template).stream(values).dump(content, "utf-8")
    return content.getvalue()


def contents(*parts: Sequence[tuple[str, str | DrawnGroup]]) -> list[tuple[str, str]]:
    """(anchor, title) of the sections of a page."""
    return [(anchor, part if isinstance(part, str) else part.title) for some in parts for anchor, part in some]


def _settings(study: Study) -> list[dict[str, Any]]:
    """For each of the paper's tasks that the sweep is on: where it departs from the paper's setting."""
    kinds: dict[Family, list[Any]] = {}
    for one in study.series:
        kind = family(one)
        if kind is not None:
            kinds.setdefault(kind, []).append(one)
    is_papers = study.record.sweep.profile == PAPER
    return [
        {"kind": kind, "departures": departures(kind, series), "is_papers": is_papers} for kind, series in kinds.items()
    ]


def _counts(found: Sequence[Finding]) -> list[tuple[str, int]]:
    """Of statements: each counts once, however many series it is about."""
    counted = Counter(overall(members) for _, members in by_statement(found))
    return [(verdict, counted[verdict]) for verdict in VERDICTS]
