"""Stage 1's run: Tune in a thread of its own, its events in a queue for the driver's loop."""

import queue
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ray import tune
from ray.tune.experiment import Trial as TuneTrial
from ray.tune.search import ConcurrencyLimiter

from pgan_ray.cluster.search import PlannedTrials
from pgan_ray.cluster.trainable import GeneratorTrial
from pgan_ray.results import CHECKPOINTS
from pgan_ray.runner import Event, TrialFailed, TrialFinished, TrialReport, TrialRetried, TrialsEnded, TrialStarted
from pgan_ray.runner.training import Stage1


class _Reporter(tune.Callback):  # type: ignore[misc]  # ray has no types
    """Puts what Tune says into the driver's queue, and does nothing else: an error here would end trials."""

    def __init__(self, events: "queue.Queue[Event] | Any") -> None:
        self._events = events

    def __reduce__(self) -> tuple[type["_Reporter"], tuple[None]]:
        return _Reporter, (None,)  # Tune pickles it into its own record of the run, which we do not read

    def on_trial_start(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        self._events.put(TrialStarted(trial.config["trial"]))

    def on_trial_result(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, result: dict[str, Any], **info: Any
    ) -> None:
        if result.get("failed"):
            # The error itself follows, and ends the trial and its process, which may be the worse for it.
            trial.max_failures = 0
        else:
            self._events.put(TrialReport(trial.config["trial"], result))

    def on_trial_complete(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        # A trial that was stopped is "complete" to Tune as well.
        if (trial.last_result or {}).get("finished"):
            self._events.put(TrialFinished(trial.config["trial"]))

    def on_trial_recover(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        self._events.put(TrialRetried(trial.config["trial"], _last_words(trial)))

    def on_trial_error(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        self._events.put(TrialFailed(trial.config["trial"], _last_words(trial)))


class _StopAll(tune.Stopper):  # type: ignore[misc]  # ray has no types
    """Ends the whole of stage 1 when asked to."""

    def __init__(self, asked: threading.Event | Any) -> None:
        self._asked = asked

    def __reduce__(self) -> tuple[type["_StopAll"], tuple[None]]:
        return _StopAll, (None,)  # as above

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._asked.is_set()


class Stage1Run:
    """Runs the trials of ``stage`` on the connected cluster from `start` on; `events` tells what happens.

    ``datasets``: a reference into the object store; ``limit``: trials that may run at once, now.
    """

    def __init__(
        self,
        stage: Stage1,
        datasets: Any,
        *,
        request: Mapping[str, float],
        limit: Callable[[], int],
    ) -> None:
        self.events: queue.Queue[Event] = queue.Queue()
        self._stop = threading.Event()
        self._stage, self._datasets = stage, datasets
        self._request, self._limit = request, limit
        self._thread = threading.Thread(target=self._run, name="stage-1", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask for an early end; what is finished stays."""
        self._stop.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the end, for ``timeout_s`` at most."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            if self._stage.trials:
                with _no_other_cluster():
                    self._tuner().fit()
            self.events.put(TrialsEnded())
        except BaseException:
            self.events.put(TrialsEnded(traceback.format_exc()))

    def _tuner(self) -> tune.Tuner:
        sweep, trials = self._stage.record.sweep, list(self._stage.trials)
        trainable = tune.with_parameters(GeneratorTrial, stage=self._stage, datasets=self._datasets)
        return tune.Tuner(
            tune.with_resources(trainable, dict(self._request)),
            tune_config=tune.TuneConfig(
                # Without the limiter, which limits nothing here, Tune asks for an actor when the one before it is up.
                search_alg=ConcurrencyLimiter(PlannedTrials(trials, self._limit), max_concurrent=len(trials)),
                num_samples=len(trials),
                reuse_actors=True,
                trial_dirname_creator=_directory,
            ),
            run_config=tune.RunConfig(
                name=CHECKPOINTS,
                storage_path=self._stage.store.location,
                verbose=0,
                callbacks=[_Reporter(self.events)],
                stop=_StopAll(self._stop),
                failure_config=tune.FailureConfig(max_failures=sweep.resources.max_failures),
                checkpoint_config=tune.CheckpointConfig(num_to_keep=1, checkpoint_at_end=False),
            ),
        )


@contextmanager
def _no_other_cluster() -> Iterator[None]:
    """Within, calls to Ray raise an error if no cluster is connected. By default they would start or join one.

    Tune waits up to a quarter of a minute for the actors of a run that was stopped. By then the driver has left the
    cluster, and Tune's next call would start another one.
    """
    try:
        from ray._private import auto_init_hook
    except ImportError:  # it is private: a later Ray may not have it, and sweeps run all the same
        yield
        return
    before, auto_init_hook.enable_auto_connect = auto_init_hook.enable_auto_connect, False
    try:
        yield
    finally:
        auto_init_hook.enable_auto_connect = before


def _directory(trial: TuneTrial) -> str:
    return f"{trial.config['trial'].replace('/', '_')}_{trial.trial_id}"


def _last_words(trial: TuneTrial) -> str:
    """The remote traceback of a trial's failure."""
    try:
        with open(trial.error_file) as file:  # noqa: PTH123 - None where Tune has none
            return file.read()
    except (OSError, TypeError):
        return "no error was reported: the process was lost"
