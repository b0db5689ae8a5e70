"""The tracker that keeps a sweep in MLflow: a queue, one writing thread, and the publisher that it calls."""

from pgan_ray.results import Directory, Store
from pgan_ray.spec import SweepRecord
from pgan_ray.tracking.connection import EXPERIMENT
from pgan_ray.tracking.events import Event
from pgan_ray.tracking.protocol import Tracker
from pgan_ray.tracking.publisher import Publisher
from pgan_ray.tracking.uri import tracking_uri as resolve
from pgan_ray.tracking.writer import Writer


class MlflowTracker(Tracker):
    """Writes to an MLflow store or server."""

    def __init__(
        self,
        store: Store,
        record: SweepRecord,
        *,
        tracking_uri: str | None = None,
        experiment: str = EXPERIMENT,
    ) -> None:
        """``tracking_uri``: as `pgan_ray.tracking.tracking_uri` resolves it. Nothing is connected yet."""
        self.uri = resolve(tracking_uri)
        self._publisher = Publisher(Directory(store, record, strict=True), self.uri, experiment)
        self._writer = Writer(
            self._publisher.publish, reachable=self._publisher.reachable, finish=self._publisher.finish
        )

    def check(self) -> None:
        """As `Tracker.check`. The first time on a new sqlite database takes seconds."""
        self._publisher.connect()

    def put(self, event: Event) -> None:
        """Queue one event."""
        self._writer.put(event)

    def close(self, timeout_s: float) -> int:
        """As `Tracker.close`. What was not delivered is brought by `rebuild`."""
        return self._writer.close(timeout_s)
