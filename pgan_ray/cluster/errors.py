"""Which errors of a worker are worth another try."""

from ray.exceptions import RayError

from pgan_ray.errors import is_worth_retrying as is_of_a_place


def is_worth_retrying(error: BaseException | None) -> bool:
    """As the function of this name for all executors; an object or a process that Ray lost, too."""
    return error is not None and (isinstance(error, RayError) or is_of_a_place(error))
