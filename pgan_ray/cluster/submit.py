"""Sending a sweep to a cluster that runs elsewhere, through Ray's job server."""

import logging
import shlex
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pgan_ray.cluster.preflight import check_job_server
from pgan_ray.errors import ClusterError
from pgan_ray.results import redact

POLL_S = 2.0
YOUNG_S = 60.0
AWAY_S = 300.0
CHATTY = ("ray", "ray.dashboard.modules.dashboard_sdk", "ray._private.runtime_env.packaging")
ENDED = {"SUCCEEDED": 0, "STOPPED": 130, "FAILED": 1}


class SubmittedSweep:
    """A sweep that a job server has accepted."""

    def __init__(self, client: Any, job_id: str) -> None:
        self._client, self.job_id = client, job_id

    def wait(self, show: Callable[[str], None]) -> int:
        """Hand on the job's output as it comes, until the job ends; returns the sweep's exit code."""
        shown, away_since = 0, None
        while True:
            try:
                # The status first: what the job says after it is in the log by then.
                info = self._client.get_job_info(self.job_id)
                log = self._client.get_job_logs(self.job_id)
            except (OSError, RuntimeError) as error:  # a port that is forwarded breaks off now and then
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > AWAY_S:
                    raise ClusterError(
                        f"the Ray job server must answer while the job {self.job_id} runs (the job itself "
                        f"may still run), got {str(error).strip().splitlines()[0]}"
                    ) from None
                time.sleep(POLL_S)
                continue
            away_since = None
            if len(log) > shown:
                show(log[shown:])
                shown = len(log)
            if info.status in ENDED:
                return ENDED[info.status] if info.driver_exit_code is None else int(info.driver_exit_code)
            time.sleep(POLL_S)


def submit(
    address: str, job_id: str, text: str, arguments: Sequence[str], packages: Sequence[Path] = ()
) -> SubmittedSweep:
    """Send the sweep file ``text`` to the job server at ``address``; it runs `pgan-ray sweep` with ``arguments``.

    ``packages``: folders of Python packages that every worker is to have.

    Raises `ClusterError` where the server does not take it.
    """
    from ray.exceptions import RayError
    from ray.job_submission import JobSubmissionClient

    check_job_server(address)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    entrypoint = shlex.join(["python", "-m", "pgan_ray", "sweep", "sweep.yaml", *arguments])
    deadline = time.monotonic() + YOUNG_S
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sweep.yaml").write_text(text, encoding="utf-8")
        while True:
            try:
                client = JobSubmissionClient(address)
                client.submit_job(
                    entrypoint=entrypoint,
                    submission_id=job_id,
                    runtime_env={"working_dir": folder, "py_modules": [str(package) for package in packages]},
                )
            except (RayError, ConnectionError, RuntimeError, ValueError, ImportError) as error:
                # A cluster that has just started has a job server before it has somebody to run jobs.
                if "No available agent" in str(error) and time.monotonic() < deadline:
                    time.sleep(POLL_S)
                    continue
                raise ClusterError(
                    f"the Ray job server at {redact(address)} must take the sweep, got "
                    f"{redact(str(error)).strip().splitlines()[0]} "
                    "(if it uses token authentication, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN or "
                    "RAY_AUTH_TOKEN_PATH)"
                ) from None
            return SubmittedSweep(client, job_id)
