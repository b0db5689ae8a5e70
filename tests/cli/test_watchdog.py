"""After a signal the command ends within a stated time, whatever hangs."""

import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from pgan_ray.cli import watchdog

# In a library's call that no signal ends, as that of a store that is away.
STUCK = """
import ctypes, signal
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: None)
lock = ctypes.create_string_buffer(256)
mutex = ctypes.CDLL(None).pthread_mutex_lock
mutex(lock)
print("ready", flush=True)
mutex(lock)
"""
# Whatever Python's own handler does.
DEAF = """
import signal, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: print("heard", flush=True))
print("ready", flush=True)
while True:
    time.sleep(60)
"""
# Behind the command itself, where Python waits for threads.
AT_THE_END = """
import threading, time
threading.Thread(target=time.sleep, args=(600,)).start()
print("ready", flush=True)
time.sleep(600)
"""
PROGRAM = """
import importlib, signal
from pgan_ray.cli import watchdog
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.default_int_handler)
watchdog.LONGEST_END_S, watchdog.AGAIN_AFTER_S = {longest}, {again}
module = importlib.import_module("pgan_ray.cli.main")
module.group = lambda **_: exec({body!r})
module.main()
"""
NEVER = 1e6


def start(body: str, *, longest: float = 0.5, again: float = NEVER) -> "subprocess.Popen[str]":
    """The command, hanging as ``body`` does."""
    program = PROGRAM.format(body=body, longest=longest, again=again)
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("body", [STUCK, DEAF, AT_THE_END])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_after_a_signal(body: str, number: signal.Signals) -> None:
    process = start(body)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert errors.splitlines()[-1] == "shutting down took too long and was cut short; what is finished is kept"


def test_a_second_signal_ends_it_at_once() -> None:
    process = start(DEAF, longest=NEVER, again=0.0)
    assert process.stdout is not None
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "heard\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_two_signals_that_are_read_late_are_two() -> None:
    reads, writes = socket.socketpair()
    with reads, writes:
        writes.send(bytes([signal.SIGINT, signal.SIGCHLD, signal.SIGTERM]))
        assert [watchdog._next_signal(reads, 5.0) for _ in range(2)] == [signal.SIGINT, signal.SIGTERM]


def test_two_signals_in_a_row_are_one() -> None:
    process = start(DEAF, longest=3.0)
    assert process.stdout is not None
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "heard\n"
    assert process.poll() is None
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_a_pipe_that_nobody_reads_does_not_keep_it() -> None:
    program = PROGRAM.format(body=DEAF, longest=0.5, again=NEVER)
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    try:
        while True:
            os.write(writes, bytes(1 << 16))
    except BlockingIOError:
        os.set_blocking(writes, True)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=writes, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    os.close(reads)
    os.close(writes)


def test_nothing_is_left_of_it_where_no_signal_came() -> None:
    from pgan_ray.cli.watchdog import watched

    before = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(before)
    with watched():
        (thread,) = (thread for thread in threading.enumerate() if thread.name == "watchdog")
    thread.join(10)
    assert not thread.is_alive()
    assert signal.set_wakeup_fd(before) == before
