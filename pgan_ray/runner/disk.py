"""Whether a failure is a full disk: then one trial after the other would fail of it, as often as it may."""

import errno
import os

from pgan_ray.results import Store

NO_SPACE = os.strerror(errno.ENOSPC)


def check_room_left(store: Store, message: str, what: str = "") -> None:
    """Raise `OSError` if a worker's failure with this ``message`` is the sweep's own disk, which has no room left.

    That worker's disk may be another one, which is that worker's matter.
    """
    if NO_SPACE in message and _is_full(store):
        raise OSError(errno.ENOSPC, f"{NO_SPACE}{what and f', for {what}'}")


def _is_full(store: Store) -> bool:
    if "://" in store.location:
        return False
    try:
        store.write(".room", bytes(2**16))
        store.delete(".room")
    except OSError as error:
        return error.errno == errno.ENOSPC
    return False
