"""A bad network between client and server: loses, doubles, cuts, delays and invents answers."""

from __future__ import annotations

import os
import random
import socket
import socketserver
import threading
import time
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

FAULTS = {
    "clean": 8,
    "lost after commit": 4,
    "lost before": 2,
    "half a request": 2,
    "sent twice": 3,
    "slow": 2,
    "503": 1,
    "hotel page": 1,
    "half an answer": 2,
}


def run_proxy(
    listening: socket.socket,
    upstream_port: int,
    bad: Synchronized[int],
    seed: int,
    tally_file: Path,
) -> None:
    """Serve for ever on an open socket; ``bad`` 0 lets everything through."""
    rng = random.Random(seed)
    tally = dict.fromkeys(FAULTS, 0)
    lock = threading.Lock()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            request = _whole_message(self.request)
            if request is None:
                return
            with lock:
                fault = "clean"
                if bad.value:
                    fault = rng.choices(list(FAULTS), list(FAULTS.values()))[0]
                tally[fault] += 1
                tally_file.write_text(repr(tally))
            answer = _answer(fault, request, upstream_port)
            try:
                self.request.sendall(answer)
            except OSError:
                return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 64

    server = Server(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    server.serve_forever()


def _answer(fault: str, request: bytes, port: int) -> bytes:
    if fault == "lost before":
        return b""
    if fault == "half a request":
        _send(request[: len(request) // 2], port, listen=False)
        return b""
    if fault == "503":
        return (
            b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
    if fault == "hotel page":
        page = b"<html>Welcome! Please log in.</html>"
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(page)}\r\nConnection: close\r\n\r\n"
        return head.encode() + page
    if fault == "slow":
        time.sleep(random.uniform(0.05, 0.6))
    answer = _send(request, port)
    if fault == "sent twice":
        answer = _send(request, port) or answer
    if fault == "lost after commit":
        return b""
    if fault == "half an answer":
        return answer[: len(answer) * 2 // 3]
    return answer


def _whole_message(connection: socket.socket) -> bytes | None:
    connection.settimeout(5.0)
    text = b""
    try:
        while b"\r\n\r\n" not in text:
            part = connection.recv(65536)
            if not part:
                return None
            text += part
        head, _, body = text.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                length = int(value)
        while len(body) < length:
            part = connection.recv(65536)
            if not part:
                return None
            body += part
    except OSError:
        return None
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close", b"", body])


def _send(request: bytes, port: int, *, listen: bool = True) -> bytes:
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), 2.0) as upstream:
            upstream.settimeout(10.0)
            upstream.sendall(request)
            while listen:
                part = upstream.recv(65536)
                if not part:
                    break
                answer += part
    except OSError:
        return answer
    return answer


def proxy_child(
    listening: socket.socket, port: int, bad: Synchronized[int], seed: int, tally_file: Path
) -> None:
    """Run the proxy in a child process."""
    os.setpgid(0, 0)
    run_proxy(listening, port, bad, seed, tally_file)
