"""A TCP relay between a client and a server of this machine: it can be turned to another server, and can lose connections."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
from types import TracebackType

Address = tuple[str, int]
CHUNK = 64 << 10
# A connection that is to be lost dies after so many bytes, whichever way they go: in a request, before its answer, in it.
LOST_AFTER_BYTES = (100, 1_000, 5_000, 50_000)
CONNECT_SECONDS = 10.0


def address(url: str) -> Address:
    """Host and port of `http://host:port/…`."""
    host, _, port = url.removeprefix("http://").split("/")[0].partition(":")
    return host, int(port)


class Relay:
    """Listens on a free port."""

    def __init__(self, upstream: Address, seed: int):
        self._upstream = upstream
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        # Of connections, how many are lost.
        self.loss = 0.0
        self.lost = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: Address = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def turn_to(self, upstream: Address) -> None:
        """Connections go to another server from now on; those that are open are closed."""
        with self._lock:
            self._upstream = upstream
        self._close_all()

    def stop(self) -> None:
        """Ends it."""
        # Closing alone does not wake the thread that accepts.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._close_all()

    def _close_all(self) -> None:
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            upstream = self._upstream
            left = self._random.choice(LOST_AFTER_BYTES) if self._random.random() < self.loss else None
            self.lost += left is not None
        try:
            server = socket.create_connection(upstream, CONNECT_SECONDS)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        with self._lock:
            self._open |= {client, server}
        budget = Budget(left)
        back = threading.Thread(target=pump, args=(server, client, budget), daemon=True)
        back.start()
        pump(client, server, budget)
        back.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


class Budget:
    """How many bytes a connection may still carry, in both directions together; `None`: any number."""

    def __init__(self, left: int | None):
        self._left = left
        self._lock = threading.Lock()

    def take(self, wanted: int) -> int:
        """As many of these as may pass."""
        if self._left is None:
            return wanted
        with self._lock:
            taken = min(wanted, self._left)
            self._left -= taken
            return taken


def pump(source: socket.socket, target: socket.socket, budget: Budget) -> None:
    """Carries bytes one way until the end of it, or of the connection."""
    try:
        while chunk := source.recv(CHUNK):
            passed = budget.take(len(chunk))
            target.sendall(chunk[:passed])
            if passed < len(chunk):
                reset(source)
                reset(target)
                return
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def reset(one: socket.socket) -> None:
    """Ends a connection as a machine that died does: with a reset, and without what was still to be sent."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.shutdown(socket.SHUT_RDWR)
