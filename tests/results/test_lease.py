"""One driver at a time: what another one left is respected, or taken over."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from pgan_ray.errors import SpecError
from pgan_ray.results import Store
from pgan_ray.results.lease import FILE, Lease, _host, lease

MODULE = "pgan_ray.results.lease"


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    # By name of the module: the package re-exports its function of the same name.
    for name, seconds in (("RENEW_S", 0.05), ("GONE_S", 0.6), ("POLL_S", 0.05)):
        monkeypatch.setattr(sys.modules[MODULE], name, seconds)


def leave(store: Store, host: str, pid: int) -> None:
    """The file of a driver that is not this process."""
    store.write(FILE, json.dumps({"token": "other", "beat": 1, "host": host, "pid": pid}).encode())


def silent(notice: str) -> None:
    pytest.fail(f"no notice must be given, got {notice!r}")


def test_a_directory_is_given_back(store: Store) -> None:
    with lease(store, silent):
        assert store.exists(FILE)
    assert not store.exists(FILE)


def test_it_is_renewed(store: Store) -> None:
    with lease(store, silent):
        first = store.read(FILE)
        deadline = time.monotonic() + 10
        while store.read(FILE) == first:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_second_driver_is_refused_while_the_first_is_at_work(store: Store) -> None:
    notices: list[str] = []
    leave(store, "elsewhere", 7)
    ended = threading.Event()

    def work() -> None:
        beat = 1
        while not ended.wait(0.05):
            beat += 1
            store.write(FILE, json.dumps({"token": "other", "beat": beat, "host": "elsewhere", "pid": 7}).encode())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        with (
            pytest.raises(SpecError, match=r"one driver at a time, got process 7 on elsewhere.*--out"),
            lease(store, notices.append),
        ):
            pass
    finally:
        ended.set()
        thread.join()
    assert len(notices) == 1
    assert json.loads(store.read(FILE))["token"] == "other"  # its own claim is left alone


def test_one_that_is_silent_elsewhere_is_taken_over(store: Store) -> None:
    notices: list[str] = []
    leave(store, "elsewhere", 7)
    with lease(store, notices.append):
        assert json.loads(store.read(FILE))["host"] == _host()
    assert "process 7 on elsewhere" in notices[0]


def test_one_that_died_here_is_taken_over_at_once(store: Store) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    leave(store, _host(), process.pid)
    with lease(store, silent):
        assert json.loads(store.read(FILE))["pid"] == os.getpid()


def test_of_two_that_start_at_once_one_goes_on(store: Store) -> None:
    first, second = Lease(store), Lease(store)
    first._write()
    second._write()
    second.confirm()
    with pytest.raises(SpecError, match="one driver at a time"):
        first.confirm()


def test_a_damaged_file_holds_nobody_up(store: Store) -> None:
    store.write(FILE, b"{half")
    with lease(store, silent):
        pass


def test_a_driver_that_was_taken_over_stops(store: Store) -> None:
    """It slept, or its store was away."""
    # Where whoever started the tests ignores Ctrl-C, Python has no handler of its own.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def sleep_through_it() -> None:
        with lease(store, silent):
            for _ in range(50):  # a renewal under way when the other one came wrote over it
                leave(store, "elsewhere", 7)
                time.sleep(0.2)

    try:
        with pytest.raises(KeyboardInterrupt):
            sleep_through_it()
    finally:
        signal.signal(signal.SIGINT, before)
    assert json.loads(store.read(FILE))["token"] == "other"
