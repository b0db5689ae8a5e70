"""Whose a file is: rows, records and checkpoints say their sweep's id, and the digest of what is run.

Both, as an id alone may be kept while the sweep file changes. Files of earlier versions say less. Those from before a
grid had more values say the digest that it had then.
"""

from collections.abc import Mapping
from typing import Any

from pgan_ray.errors import SpecError
from pgan_ray.results.redact import redact
from pgan_ray.spec import SweepRecord


def identity(record: SweepRecord) -> dict[str, str]:
    """What a file of this sweep says of it."""
    return {"sweep_id": record.id, "digest": record.digest}


def foreign(found: Mapping[str, Any], record: SweepRecord) -> str | None:
    """Why a file that says ``found`` is another sweep's, or None."""
    for key, own in identity(record).items():
        other = found.get(key) or own
        if other != own and not (key == "digest" and other in record.earlier):
            return f"must be of the sweep {record.id}, got one whose {key} is {str(other)[:80]!r}"
    return None


def check_own(found: Mapping[str, Any], record: SweepRecord, place: str) -> None:
    """See that the file at ``place``, which says ``found``, is this sweep's. Raises `SpecError`."""
    reason = foreign(found, record)
    if reason:
        raise SpecError([f"{redact(place)}: {reason}: move it out of the directory"])
