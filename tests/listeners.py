"""Servers on 127.0.0.1 that are not what is looked for: they say nothing, or one thing to everybody."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def listener(answer: bytes | None) -> Iterator[int]:
    """The port of a server that gives ``answer`` to everybody and hangs up; None: it takes everybody and is silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def serve() -> None:
            with suppress(OSError):  # the end: the server is closed
                while True:
                    taken.append(server.accept()[0])
                    if answer is not None:
                        with taken[-1] as connection, suppress(OSError):
                            connection.recv(1 << 16)
                            connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in taken:
            connection.close()


def http(status: str) -> bytes:
    """A whole answer of a web server, without a body."""
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
