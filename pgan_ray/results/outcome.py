"""What came of a sweep, by its rows."""

from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

Outcome = Literal["complete", "partial", "interrupted", "failed"]


def outcome_of(rows: pa.Table, cells: int) -> Outcome:
    """The outcome of a sweep of so many ``cells`` that has these ``rows``.

    ``complete`` where every cell has come to its score; ``partial`` where some diverged or failed; ``interrupted``
    where some have no row yet.
    """
    if rows.num_rows < cells:
        return "interrupted"
    return "complete" if pc.all(pc.equal(rows["outcome"], "complete")).as_py() in (True, None) else "partial"
