"""Who worked on what and when: spans of every actor, in Chrome's trace format, and how busy they were together."""

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass, field

# Reports of one trial follow each other at once: one span, unless something else held the actor up for so long.
GAP_S = 0.2
TAIL = 0.05  # the last part of a sweep in which actors may have nothing left to do


def this_actor() -> str:
    """Names this process among all of a cluster's."""
    return f"{platform.node()}/{os.getpid()}"


@dataclass
class Span:
    """One piece of work; seconds since 1970, by the clock of the node that did it. ``cpu_s``: as its process had."""

    name: str
    start: float
    end: float
    cpu_s: float = 0.0


@dataclass
class Timeline:
    """The spans of a running sweep, by actor."""

    _spans: dict[str, list[Span]] = field(default_factory=dict)

    def add(self, actor: str, span: Span) -> None:
        """Take one span; what goes on with the actor's last one is made one with it."""
        spans = self._spans.setdefault(actor, [])
        if spans and spans[-1].name == span.name and span.start - spans[-1].end < GAP_S:
            spans[-1].end = max(spans[-1].end, span.end)
            spans[-1].cpu_s += span.cpu_s
        else:
            spans.append(span)

    def busy(self, slots: int) -> float | None:
        """Share of the time, but for its last twentieth, in which at least ``slots`` actors worked; None of no time."""
        spans = list(self._all())
        if not spans:
            return None
        begin, end = min(span.start for span in spans), max(span.end for span in spans)
        end -= TAIL * (end - begin)
        if end <= begin:
            return None
        changes = [(span.start, 1) for span in spans] + [(span.end, -1) for span in spans]
        busy, working, since = 0.0, 0, begin
        for time, change in sorted(changes):
            if working >= slots:
                busy += max(0.0, min(time, end) - min(since, end))
            working, since = working + change, time
        return busy / (end - begin)

    def worked_s(self) -> float:
        """Seconds of all actors together."""
        return sum(span.end - span.start for span in self._all())

    def cpu_s(self) -> float:
        """Seconds of CPU of all actors together: less than they worked where cores are shared."""
        return sum(span.cpu_s for span in self._all())

    def to_json(self) -> str:
        """The spans as Chrome (chrome://tracing) and Perfetto (ui.perfetto.dev) read them: a row for each actor."""
        events = [
            {
                "name": span.name,
                "ph": "X",
                "ts": round(span.start * 1e6),
                "dur": round((span.end - span.start) * 1e6),
                "pid": actor.rpartition("/")[0],
                "tid": int(actor.rpartition("/")[2]),
                "args": {"cpu_s": round(span.cpu_s, 3)},
            }
            for actor, spans in self._spans.items()
            for span in spans
        ]
        return json.dumps({"traceEvents": events, "displayTimeUnit": "ms"})

    def _all(self) -> Iterator[Span]:
        for spans in self._spans.values():
            yield from spans
