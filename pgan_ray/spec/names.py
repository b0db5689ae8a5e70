"""Names that become parts of paths, of MLflow's queries and of what people read: one rule for all of them."""

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
PROFILE = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}"
SWEEP_ID = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}"  # a name, a profile and a time
