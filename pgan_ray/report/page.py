"""The page: everything in one HTML file, nothing loaded from elsewhere. All text is escaped by the template."""

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pgan_ray.report import facts
from pgan_ray.report.paper import Family
from pgan_ray.report.rules import VERDICTS
from pgan_ray.report.series import configuration_label
from pgan_ray.report.setting import departures
from pgan_ray.report.study import Study
from pgan_ray.report.tables import Table, verdict_rows
from pgan_ray.report.verdicts import Finding, by_statement, family, overall
from pgan_ray.results import answer, health, mean_metrics, redact
from pgan_ray.spec import PAPER
from pgan_ray.spec.yaml_file import dump_yaml

TEMPLATE = "page.html.jinja"


@dataclass(frozen=True)
class Drawn:
    """One figure as the page holds it; sizes in CSS pixels."""

    name: str
    title: str
    media_type: str
    content: bytes
    width: int
    height: int

    @property
    def uri(self) -> Markup:
        """The figure itself, as a ``data:`` URI."""
        return Markup(f"data:{self.media_type};base64,{base64.b64encode(self.content).decode()}")


@dataclass(frozen=True)
class DrawnGroup:
    """Figures under one heading."""

    title: str
    caption: str
    figures: Sequence[Drawn]


def page(
    study: Study,
    groups: Sequence[DrawnGroup],
    found: Sequence[Finding],
    tables: Sequence[Table],
    price_per_actor_hour: float | None,
) -> str:
    """The HTML text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_redacted,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    outcome = facts.outcome(study)
    costs = facts.costs(study)
    return environment.get_template(TEMPLATE).render(
        name=study.record.sweep.name,
        description=study.record.sweep.description,
        answer=answer(study.record.sweep, study.tally.points, study.changes),
        profile=study.record.sweep.profile,
        outcome=outcome,
        outcome_text=facts.OUTCOMES[outcome],
        facts=facts.fact_rows(study),
        yaml=dump_yaml(study.record.sweep.document),
        costs=costs,
        hours=sum(cost.hours for cost in costs),
        price=price_per_actor_hour,
        groups=groups,
        settings=_settings(study),
        verdicts=verdict_rows(found),
        counts=_counts(found),
        tables=tables,
        failures=facts.failures(study),
        health=_health(study),
        has_rows=bool(study.rows),
        pairs_seeds=len({one.settings.seed for one in study.series}) == 1,
    )


def _redacted(value: Any) -> Any:
    """What the template is about to write; figures are written as they are."""
    return redact(value) if isinstance(value, str) and not isinstance(value, Markup) else value


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


def _health(study: Study) -> list[tuple[str, str]]:
    """(label, words) of each configuration whose training, or clean victims, say something against its results."""
    labels = {one.configuration: configuration_label(one, study.axes) for one in study.series}
    found = health(study.shown, mean_metrics(study.generators.values()))
    doubts = [
        (configuration, text) for configuration, text in study.tally.doubts if configuration in study.shown.result_ids
    ]
    every = [*found.items(), *doubts]
    return [(labels.get(configuration, configuration), text) for configuration, text in every]


def _counts(found: Sequence[Finding]) -> list[tuple[str, int]]:
    """Of statements: each counts once, however many series it is about."""
    counted = Counter(overall(members) for _, members in by_statement(found))
    return [(verdict, counted[verdict]) for verdict in VERDICTS]
