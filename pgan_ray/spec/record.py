"""A sweep as it is kept in its own directory: ``sweep.yaml``, itself a valid sweep file."""

from dataclasses import dataclass, field

from pgan_ray.spec.sweep import Sweep
from pgan_ray.spec.yaml_file import dump_yaml

RESOLVED = "resolved"
"""The key of what a sweep file does not have and a record does."""


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
        head = {"sweep_id": self.id, "profile": self.sweep.profile, "facts": self.facts}
        return dump_yaml({**self.sweep.document, RESOLVED: head})
