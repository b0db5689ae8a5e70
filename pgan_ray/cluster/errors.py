"""Which errors of a worker are worth another try."""

from ray.exceptions import RayError

from pgan_ray.runner.worker import WORTH_RETRYING as OF_THE_MACHINE

# An object or a process that Ray lost, too.
WORTH_RETRYING = (*OF_THE_MACHINE, RayError)
