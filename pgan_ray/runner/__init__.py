"""Running a sweep, from its resolved record and its data to rows: the driver, and what runs its work.

Reads a sweep and its data; hands rows and generators to the sweep's directory, and events to `tracking` and to whoever
shows progress. An `Executor` does the work: `LocalExecutor` in this process, `pgan_ray.cluster` on Ray.
"""

from pgan_ray.runner.driver import SweepRun
from pgan_ray.runner.executor import (
    BatchFinished,
    BatchRetried,
    Event,
    Executor,
    ExecutorNotice,
    Job,
    Offer,
    Outlook,
    StageOffer,
    TrialFailed,
    TrialFinished,
    TrialReport,
    TrialRetried,
    TrialsEnded,
    TrialStarted,
)
from pgan_ray.runner.local import LocalExecutor
from pgan_ray.runner.outcome import SweepOutcome
from pgan_ray.runner.progress import ProgressDisplay, Silent, SweepState
from pgan_ray.runner.searching import SearchRun
from pgan_ray.runner.worker import Engine

__all__ = [
    "BatchFinished",
    "BatchRetried",
    "Engine",
    "Event",
    "Executor",
    "ExecutorNotice",
    "Job",
    "LocalExecutor",
    "Offer",
    "Outlook",
    "ProgressDisplay",
    "SearchRun",
    "Silent",
    "StageOffer",
    "SweepOutcome",
    "SweepRun",
    "SweepState",
    "TrialFailed",
    "TrialFinished",
    "TrialReport",
    "TrialRetried",
    "TrialStarted",
    "TrialsEnded",
]
