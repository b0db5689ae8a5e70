"""A sweep as it is kept in its own directory: ``sweep.yaml``, itself a valid sweep file."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pgan_ray.spec.sweep import Sweep
from pgan_ray.spec.yaml_file import dump_yaml

RESOLVED = "resolved"
"""The key of what a sweep file does not have and a record does."""
FORMAT_KEY, FORMAT = "format", 2
"""Of records: those without one hold keys that their components do not have, and sections go by a digest."""


@dataclass(frozen=True)
class SweepRecord:
    """A sweep that is run: its identity, and what was decided or found when it started.

    ``facts`` are short texts for people, such as versions, the data's source and digest, the git commit.
    """

    id: str
    sweep: Sweep
    facts: dict[str, str] = field(default_factory=dict)

    def to_yaml(self) -> str:
        """The text of ``sweep.yaml``; `pgan_ray.spec.load_record` reads it back."""
        head = {
            FORMAT_KEY: FORMAT,
            "sweep_id": self.id,
            "profile": self.sweep.profile,
            "digest": digest(self.sweep.document),
            "facts": self.facts,
        }
        return dump_yaml({**self.sweep.document, RESOLVED: head})


def digest(document: Mapping[str, Any]) -> str:
    """Names a resolved sweep by its content: who resumes a sweep must find the one that was begun."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
