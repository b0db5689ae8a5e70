"""The summary of a sweep as files: a table that MLflow shows, and the same as CSV."""

import csv
import io
import json
from collections.abc import Mapping, Sequence

from pgan_ray.results import RATES, MeanConfusion, Point
from pgan_ray.spec import Sweep

TABLE_FILE, CONFUSION_FILE = "summary_table.json", "confusion_table.json"
# MLflow shows files that this tag names as tables. `log_table` would append to the file when repeated.
TAG = {"mlflow.loggedArtifacts": json.dumps([{"path": file, "type": "table"} for file in (TABLE_FILE, CONFUSION_FILE)])}

Row = list[str | float | int | None]


def summary(points: Sequence[Point]) -> tuple[list[str], list[Row]]:
    """Column names, and one row for each point of each curve: means of all rates and their half widths."""
    columns = ["configuration", "variant", "poison_fraction"]
    columns += [column for rate in RATES for column in (rate, f"{rate}_half_width")]
    rows: list[Row] = []
    for point in points:
        row: Row = [point.configuration, point.variant, point.poison_fraction]
        for rate in RATES:
            estimate = point.rates.get(rate)
            row += [None, None] if estimate is None else [estimate.mean, estimate.half_width]
        rows.append([*row, max((estimate.cells for estimate in point.rates.values()), default=0)])
    return [*columns, "victims"], rows


def confusion(matrices: Sequence[MeanConfusion], classes: Mapping[str, Sequence[int]]) -> tuple[list[str], list[Row]]:
    """Column names, and one row for each true class of each matrix: the shares taken for each class.

    ``classes``: of each configuration. Where they differ, each row fills the columns of its own.
    """
    every = sorted({label for labels in classes.values() for label in labels})
    columns = ["configuration", "variant", "poison_fraction", "true_class", *(f"as_{label}" for label in every)]
    rows: list[Row] = []
    for mean in matrices:
        labels = classes[mean.configuration]
        for label, shares in zip(labels, mean.matrix.tolist(), strict=True):
            taken = dict(zip(labels, shares, strict=True))
            key: Row = [mean.configuration, mean.variant, mean.poison_fraction, label]
            rows.append([*key, *(taken.get(other) for other in every)])
    return columns, rows


def as_json(sweep: Sweep, columns: list[str], rows: list[Row]) -> str:
    """In the layout that MLflow's tables have (pandas calls it split), for people to read: by names, not ids."""
    shown = [[*(sweep.in_words(str(id_)) for id_ in row[:2]), *row[2:]] for row in rows]
    return json.dumps({"columns": columns, "data": shown})


def as_csv(columns: list[str], rows: list[Row]) -> str:
    """With one line of column names."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
