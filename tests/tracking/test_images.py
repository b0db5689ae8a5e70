from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pgan_ray.tracking import images


def test_grid_places_tiles_in_rows_and_scales_values() -> None:
    samples = np.full((64, 6), -1.0, np.float32)
    samples[0], samples[9] = 1.0, 0.0
    pixels = np.asarray(images.grid(samples, (2, 3)))
    assert pixels.shape == (8 * 4 - 2, 8 * 5 - 2)
    assert (pixels[:2, :3] == 255).all()
    assert (pixels[4:6, 5:8] == 128).all()
    assert (pixels[:2, 5:8] == 0).all()


@pytest.mark.parametrize(("count", "rows"), [(0, 1), (1, 1), (8, 1), (9, 2), (200, 8)])
def test_grid_of_few_or_many(count: int, rows: int) -> None:
    assert images.grid(np.zeros((count, 4)), (2, 2)).size == (8 * 4 - 2, rows * 4 - 2)


@pytest.mark.filterwarnings("error")
def test_values_that_are_no_pixels_are_drawn_all_the_same() -> None:
    pixels = np.asarray(images.grid(np.array([[np.nan, np.inf, -np.inf, 7.0]]), (2, 2)))
    assert pixels[:2, :2].tolist() == [[0, 255], [0, 255]]


def test_files_are_named_as_the_image_charts_read_them(tmp_path: Path) -> None:
    images.write_grids(tmp_path, {5: np.zeros((64, 784))}, (28, 28), {5: 99})
    stem = "samples+step+5+timestamp+99+samples"
    assert sorted(f.name for f in (tmp_path / "images").iterdir()) == [
        f"{stem}+compressed.webp",
        f"{stem}.png",
    ]
    with Image.open(tmp_path / "images" / f"{stem}.png") as image:
        assert image.size == (238, 238)
