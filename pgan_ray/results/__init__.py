"""The result tables: their schemas, and the sweep's directory that holds them.

Reads nothing of the science; `cluster` writes rows and generators here, `tracking` derives from them.
"""

from pgan_ray.results.answer import answer
from pgan_ray.results.by_defence import WORST, ByDefence, bare_variants, by_defence, worst_rows
from pgan_ray.results.changes import CHANGES, NONE, Change, changes, scores_of
from pgan_ray.results.checkpoints import (
    CHECKPOINTS,
    PROGRESS_FILE,
    STATE_FILE,
    check_device,
    find_checkpoints,
    other_device,
    read_progress,
    remove_checkpoint,
    remove_checkpoints,
    rung_folder,
    write_checkpoint,
)
from pgan_ray.results.compaction import FinishedBatches, compact, compacted_name, forget_failures, unfinished
from pgan_ray.results.confusion import MeanConfusion, mean_confusions
from pgan_ray.results.directory import DATA_FILE, Directory
from pgan_ray.results.ending import STRONGEST, SUMMARY, encode_summary
from pgan_ray.results.generators import (
    GeneratorFiles,
    GeneratorRecord,
    read_poison,
    read_record,
    read_samples,
    read_training,
    write_generator,
)
from pgan_ray.results.health import health, mean_metrics
from pgan_ray.results.identity import identity
from pgan_ray.results.lease import Lease, holder_of, lease, left_by
from pgan_ray.results.outcome import Outcome, outcome_of
from pgan_ray.results.packed import PackedTables
from pgan_ray.results.probes import has_probe, write_probe
from pgan_ray.results.ranking import (
    BUDGET,
    HARMS,
    Ranked,
    budget_text,
    contenders,
    is_area,
    least_beyond,
    ranking,
    rule_for,
    rule_of,
    strongest,
    units_text,
)
from pgan_ray.results.record import SWEEP, check_new, read_sweep
from pgan_ray.results.redact import keep_secret, redact, redactor
from pgan_ray.results.resume import check_resumable
from pgan_ray.results.retry import shorten_retries
from pgan_ray.results.rows import cells_digest, component_failed
from pgan_ray.results.schema import RATES, SCORES, TRAINING, VICTIMS
from pgan_ray.results.store import Store
from pgan_ray.results.summary import (
    Estimate,
    Point,
    apart,
    estimate,
    estimate_text,
    one_sided,
    result_points,
    summarise,
)
from pgan_ray.results.tally import Tally
from pgan_ray.results.trials import (
    PAUSE,
    Confirmed,
    Probe,
    Trial,
    best_so_far,
    counts,
    counts_text,
    is_paused,
    known_of,
    known_trials,
    read_confirmed,
    read_trials,
    settled_trials,
    values_text,
    write_confirmed,
    write_trial,
)
from pgan_ray.results.victims import read_rows, table_of, write_rows

__all__ = [
    "BUDGET",
    "CHANGES",
    "CHECKPOINTS",
    "DATA_FILE",
    "HARMS",
    "NONE",
    "PAUSE",
    "PROGRESS_FILE",
    "RATES",
    "SCORES",
    "STATE_FILE",
    "STRONGEST",
    "SUMMARY",
    "SWEEP",
    "TRAINING",
    "VICTIMS",
    "WORST",
    "ByDefence",
    "Change",
    "Confirmed",
    "Directory",
    "Estimate",
    "FinishedBatches",
    "GeneratorFiles",
    "GeneratorRecord",
    "Lease",
    "MeanConfusion",
    "Outcome",
    "PackedTables",
    "Point",
    "Probe",
    "Ranked",
    "Store",
    "Tally",
    "Trial",
    "answer",
    "apart",
    "bare_variants",
    "best_so_far",
    "budget_text",
    "by_defence",
    "cells_digest",
    "changes",
    "check_device",
    "check_new",
    "check_resumable",
    "compact",
    "compacted_name",
    "component_failed",
    "contenders",
    "counts",
    "counts_text",
    "encode_summary",
    "estimate",
    "estimate_text",
    "find_checkpoints",
    "forget_failures",
    "has_probe",
    "health",
    "holder_of",
    "identity",
    "is_area",
    "is_paused",
    "keep_secret",
    "known_of",
    "known_trials",
    "lease",
    "least_beyond",
    "left_by",
    "mean_confusions",
    "mean_metrics",
    "one_sided",
    "other_device",
    "outcome_of",
    "ranking",
    "read_confirmed",
    "read_poison",
    "read_progress",
    "read_record",
    "read_rows",
    "read_samples",
    "read_sweep",
    "read_training",
    "read_trials",
    "redact",
    "redactor",
    "remove_checkpoint",
    "remove_checkpoints",
    "result_points",
    "rule_for",
    "rule_of",
    "rung_folder",
    "scores_of",
    "settled_trials",
    "shorten_retries",
    "strongest",
    "summarise",
    "table_of",
    "unfinished",
    "units_text",
    "values_text",
    "worst_rows",
    "write_checkpoint",
    "write_confirmed",
    "write_generator",
    "write_probe",
    "write_rows",
    "write_trial",
]
