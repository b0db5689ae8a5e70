"""Sample grids as images that MLflow's image charts show with a step slider.

The charts are made of files in ``images/`` whose names say key, step and time, split at ``+``::

    images/<key>+step+<step>+timestamp+<ms>+<anything>.png              full size
    images/<key>+step+<step>+timestamp+<ms>+<anything>+compressed.webp  shown until it is opened

and of the tag ``mlflow.loggedImages`` (read in MLflow 3.17: `MlflowClient.log_image`, and the parser of these
names in its user interface; both files are needed). `log_image` ends the name with a random part, so that a
repetition shows every image twice; here it is fixed.

Shapes: S samples, F features.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

KEY = "samples"
TAG = {"mlflow.loggedImages": "True"}
TILES = 8  # a side
GAP = 2  # pixels between tiles
COMPRESSED_SIDE = 256  # pixels, as MLflow's own


def grid(samples: np.ndarray, image_shape: tuple[int, int]) -> Image.Image:
    """The first `TILES` x `TILES` of the (S, F) ``samples``, in [-1, 1], as grey images in rows."""
    height, width = image_shape
    tiles = np.nan_to_num(samples[: TILES * TILES].astype(np.float32), nan=-1.0).reshape(-1, height, width)
    bytes_ = np.rint((np.clip(tiles, -1, 1) + 1) * 127.5).astype(np.uint8)
    rows = max(1, -(-len(bytes_) // TILES))
    canvas = np.full((rows * (height + GAP) - GAP, TILES * (width + GAP) - GAP), 64, np.uint8)
    for index, tile in enumerate(bytes_):
        top, left = index // TILES * (height + GAP), index % TILES * (width + GAP)
        canvas[top : top + height, left : left + width] = tile
    return Image.fromarray(canvas)


def write_grids(
    folder: Path, samples: Mapping[int, np.ndarray], image_shape: tuple[int, int], times_ms: Mapping[int, int]
) -> None:
    """Write the image files of ``samples`` (iteration -> (S, F)) below ``folder``."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for iteration, points in samples.items():
        image = grid(points, image_shape)
        name = f"{KEY}+step+{iteration}+timestamp+{times_ms[iteration]}+{KEY}"
        image.save(folder / "images" / f"{name}.png")
        image.thumbnail((COMPRESSED_SIDE, COMPRESSED_SIDE))
        image.save(folder / "images" / f"{name}+compressed.webp")
