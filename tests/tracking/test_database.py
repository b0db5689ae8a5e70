"""Making MLflow's own database, which takes seconds in which much can happen."""

import os
import subprocess
import sys
import time
from pathlib import Path

from pgan_ray.tracking.connection import connect


def test_a_process_killed_while_it_makes_the_database_leaves_none_that_is_half_made(tmp_path: Path) -> None:
    place = tmp_path / "kept" / "mlflow.db"
    uri = f"sqlite:///{place}"
    code = "import sys; from pgan_ray.tracking.connection import connect; connect(sys.argv[1], 'pgan-ray')"
    making = subprocess.Popen([sys.executable, "-c", code, uri], cwd=tmp_path)
    deadline = time.monotonic() + 120
    while not any(file.stat().st_size for file in place.parent.glob("*/mlflow.db")):
        assert making.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    making.kill()
    making.wait()
    assert not place.exists()
    (left,) = place.parent.iterdir()
    connect(uri, "pgan-ray")
    assert set(place.parent.iterdir()) == {place, left}  # this one tidies up, and others may be at work
    os.utime(left, (0, 0))
    connect(uri, "pgan-ray")
    assert list(place.parent.iterdir()) == [place]
