"""A sweep as it is kept in its own directory: ``sweep.yaml``, itself a valid sweep file."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from pgan_ray.spec.foreign import described
from pgan_ray.spec.sweep import Sweep
from pgan_ray.spec.yaml_file import MAX_BYTES, dump_yaml

MAX_RECORD_BYTES = 4 * MAX_BYTES
"""Of a record's text: with its defaults and its facts it is longer than the sweep file that it comes from."""
RESOLVED = "resolved"
"""The key of what a sweep file does not have and a record does."""
TRIALS = "trials"
COMPONENTS = "components"
"""Under it: what is kept of those that are not ours."""
EARLIER = "earlier"
"""Under it: the digests that the sweep had before it was extended."""
FORMAT_KEY, FORMAT = "format", 3
"""Of records: of what this version reads and writes."""


@dataclass(frozen=True)
class SweepRecord:
    """A sweep that is run: its identity, and what was decided or found when it started.

    ``facts`` are short texts for people, such as versions, the data's source and digest, the git commit.
    ``written``: the document as its ``sweep.yaml`` has it: a later version's defaults and keys make no other sweep of
    it. ``earlier``: the digests that it had before it was extended.
    """

    id: str
    sweep: Sweep
    facts: dict[str, str] = field(default_factory=dict)
    written: Mapping[str, Any] | None = field(default=None, compare=False)
    earlier: tuple[str, ...] = ()

    @property
    def document(self) -> Mapping[str, Any]:
        """What is written down of the sweep itself."""
        return self.sweep.document if self.written is None else self.written

    @cached_property
    def digest(self) -> str:
        """Names what is run. With the id it tells the sweep's own results from another's."""
        return digest(self.document)

    def of(self, sweep: Sweep) -> "SweepRecord":
        """The record of another ``sweep``."""
        return replace(self, sweep=sweep, written=None)

    def knowing(self, sweep: Sweep) -> "SweepRecord":
        """This record with what is known of its search by now; its document, and so its digest, stay."""
        return replace(self, sweep=sweep, written=self.document)

    def extended(self, document: dict[str, Any]) -> "SweepRecord":
        """The record with another ``document``, whose sweep is still this one's: to be written and read back."""
        sweep = replace(self.sweep, document=document)
        return replace(self, sweep=sweep, written=document, earlier=(*self.earlier, self.digest))

    def to_yaml(self) -> str:
        """The text of ``sweep.yaml``; `pgan_ray.spec.load_record` reads it back."""
        head: dict[str, Any] = {
            FORMAT_KEY: FORMAT,
            "sweep_id": self.id,
            "profile": self.sweep.profile,
            "digest": self.digest,
            **({EARLIER: list(self.earlier)} if self.earlier else {}),
            "facts": self.facts,
        }
        others = described(self.sweep)
        if others:
            head[COMPONENTS] = others
        return dump_yaml({**self.document, RESOLVED: head})


def digest(document: Mapping[str, Any]) -> str:
    """Names a resolved sweep by its content: who resumes a sweep must find the one that was begun.

    Not by how many trials a search has: more of them change nothing of those that there are.
    """
    search = document.get("search")
    if isinstance(search, Mapping) and TRIALS in search:
        document = {**document, "search": {key: value for key, value in search.items() if key != TRIALS}}
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
