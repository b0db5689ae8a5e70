"""Confusion matrices, the plane, and generated images (Fig. 1, 3, 6 right, 7, 8, 9).

Shapes: S samples, F features, H x W pixels, K classes.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pgan_ray.figures import palette
from pgan_ray.figures.charts import BoundaryLine, Cloud, Group, HeatFigure, ScatterFigure, TileFigure
from pgan_ray.results import mean_confusions
from pgan_ray.study.series import Series, class_name, configuration_label, parameters, per_cent
from pgan_ray.study.study import Points, Study

MAX_MATRICES = 6
MAX_CLOUD = 400
MAX_SCATTERS = 12
MAX_GRIDS = 24
TILES = 32


def confusion_group(study: Study) -> Group | None:
    """Difference of mean confusion matrices, largest poison fraction minus clean, with more than two classes."""
    several = [one for one in study.series if one.classes > 2]
    if not several:
        return None
    tables = (study.rows[name] for name in {one.configuration: None for one in several} if name in study.rows)
    found = (mean for rows in tables for mean in mean_confusions(rows))
    matrices = {(m.configuration, m.variant, m.poison_fraction): m.matrix for m in found}
    figures = []
    drawn = [one for one in several if _both(one, matrices)]
    for index, one in enumerate(drawn[:MAX_MATRICES]):
        most = one.fractions[-1]
        poisoned, clean = ((one.configuration, one.variant, fraction) for fraction in (most, 0.0))
        difference = 100 * (matrices[poisoned] - matrices[clean])
        names = tuple(class_name(one.settings, label) for label in one.settings.task.labels)
        number = f"_{index + 1}" if len(drawn) > 1 else ""
        title = f"{one.label}: {per_cent(most)} poison minus clean"
        figures.append(HeatFigure(f"confusion{number}", title, "predicted class", "true class", names, difference))
    if not figures:
        return None
    return Group(
        "What the poison changes: difference of the mean confusion matrices",
        "Percentage points of each true class (rows add up to 0): orange is predicted more often than by clean "
        "victims, purple less often.",
        tuple(figures),
    )


def _both(one: Series, matrices: dict[tuple[str, str, float], npt.NDArray[np.float64]]) -> bool:
    return one.fractions[-1] > 0 and all((*one.key, f) in matrices for f in (0.0, one.fractions[-1]))


def plane_group(study: Study) -> Group | None:
    """Genuine and poison points in the plane, with the victims' mean boundaries."""
    shown = [one for one in study.series if one.configuration in study.plane or mean_boundary(study, one, 0.0)]
    if not shown:
        return None
    genuine = _genuine_clouds(study)
    every = [*(cloud.points for cloud in genuine), *(p for sets in study.plane.values() for p in sets.values())]
    limits = _limits(every)
    figures = []
    for index, one in enumerate(shown[:MAX_SCATTERS]):
        clouds = list(genuine)
        sets = study.plane.get(one.configuration, {})
        if sets:
            share = max(1, MAX_CLOUD // len(sets))
            poison = np.concatenate([_thinned(points, share) for points in sets.values()])
            clouds.append(Cloud("poison", palette.POISON, poison, "x"))
        boundaries: list[BoundaryLine] = []
        most = one.fractions[-1]
        for fraction, label, dash in ((0.0, "clean", "--"), (most, f"{per_cent(most)} poison", "-")):
            line = mean_boundary(study, one, fraction) if fraction in one.fractions else None
            if line is not None and not (fraction == 0 and boundaries):
                colour = palette.CLEAN if fraction == 0 else palette.BOUNDARY
                boundaries.append(BoundaryLine(label, colour, dash, line))
        number = f"_{index + 1}" if len(shown) > 1 else ""
        figures.append(ScatterFigure(f"plane{number}", one.label, tuple(clouds), tuple(boundaries), limits))
    return Group(
        "Genuine points, poison, and the victims' boundary",
        "Poison carries the label of the green class. Poison of all generators of the configuration; boundaries are "
        "means over all victims, without poison (dashed) and with the most poison (solid). Triangles on the edge are "
        "points outside the frame.",
        tuple(figures),
    )


def mean_boundary(study: Study, one: Series, fraction: float) -> tuple[float, float, float] | None:
    """The mean over victims of their boundary, each first brought to a normal vector of length 1."""
    lines = []
    for row in study.cells_at(one, fraction, "boundary"):
        if row["boundary"] is None or len(row["boundary"]) != 3:
            continue
        line = np.array(row["boundary"], dtype=np.float64)
        length = float(np.hypot(line[0], line[1]))
        if length > 0:
            lines.append(line / length)
    if not lines:
        return None
    a, b, c = np.mean(lines, axis=0)
    return float(a), float(b), float(c)


def _genuine_clouds(study: Study) -> list[Cloud]:
    task = study.series[0].settings.task
    colours = {task.source_class: palette.GENUINE, task.poison_class: palette.GENUINE_TARGET}
    return [
        Cloud(
            f"class {label}" + {task.source_class: " (source)", task.poison_class: " (poison class)"}.get(label, ""),
            colours.get(label, palette.CLEAN),
            _thinned(points, MAX_CLOUD),
            "o",
        )
        for label, points in study.genuine.items()
    ]


def _thinned(points: Points, most: int) -> Points:
    """At most ``most`` of ``points``, evenly chosen."""
    if len(points) <= most:
        return points
    chosen: Points = points[np.linspace(0, len(points) - 1, most).round().astype(int)]
    return chosen


def _limits(clouds: Sequence[Points]) -> tuple[float, float, float, float]:
    """A frame around nearly all points of every cloud: single far ones do not shrink the rest."""
    if not clouds:
        return -5.0, 5.0, -5.0, 5.0
    low = np.min([np.quantile(points, 0.01, axis=0) for points in clouds], axis=0)
    high = np.max([np.quantile(points, 0.99, axis=0) for points in clouds], axis=0)
    margin = 0.08 * np.maximum(high - low, 1e-6)
    (x0, y0), (x1, y1) = low - margin, high + margin
    return float(x0), float(x1), float(y0), float(y1)


def samples_group(study: Study) -> Group | None:
    """Generated images of each configuration: its first generator that has any, at its last iteration."""
    figures: list[TileFigure] = []
    configurations = study.shown.configurations
    labels = {one.configuration: configuration_label(one, study.axes) for one in study.series}
    for configuration in configurations:
        found = _last_samples(study, configuration.id)
        if found is None:
            continue
        tiles, colour = found, palette.CATEGORIES[0]
        alpha = parameters(configuration.settings.attack).get("alpha")
        if alpha is not None:
            colour = palette.alpha_colour(alpha)
        name = f"samples_{len(figures) + 1}"
        figures.append(TileFigure(name, labels[configuration.id], tiles, colour))
    if not figures:
        return None
    poison = class_name(configurations[0].settings, configurations[0].settings.task.poison_class)
    more = f" The first {MAX_GRIDS} of {len(figures)} configurations." if len(figures) > MAX_GRIDS else ""
    return Group(
        "Generated poison",
        f"Samples of the first finished generator at the end of training, all labelled {poison}.{more}",
        tuple(figures[:MAX_GRIDS]),
    )


def _last_samples(study: Study, configuration: str) -> npt.NDArray[np.uint8] | None:
    for (name, replicate), record in study.generators.items():
        if name != configuration or record.outcome != "complete" or record.image_shape is None:
            continue
        samples = study.files.samples(name, replicate, record.image_shape)
        if samples:
            return grey(samples[max(samples)][:TILES], record.image_shape)
    return None


def grey(samples: npt.NDArray[np.float32], shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """(S, F) samples as (S, H, W) bytes: [-1, 1] as it is, other ranges stretched to fit."""
    finite = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    if finite.size and np.abs(finite).max() > 1 + 1e-6:
        low, high = finite.min(), finite.max()
        finite = (finite - low) / (high - low) * 2 - 1
    scaled = np.rint((np.clip(finite, -1, 1) + 1) * 127.5).astype(np.uint8)
    return scaled.reshape(-1, *shape)
