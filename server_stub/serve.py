"""Run the server: a socket first, then one or more processes that answer on it."""

from __future__ import annotations

import http.client
import logging
import logging.config
import re
import signal
import socket
import stat
import sys
import threading
import time
from pathlib import Path

import uvicorn
from uvicorn.supervisors import Multiprocess

from cpcs_desktop.datamodel.errors import CpcsError
from server_stub.access_keys import KEY_PATTERN
from server_stub.database import parsed_address
from server_stub.settings import ServerSettings

#: SIGTERM ends the server within 5 s, also when a client dawdles.
GRACE_S = 3
_HASHTAG = re.compile(r"(hashtag=)[^&\s\"']+", re.IGNORECASE)
_WEAK_PASSWORDS = {"", "postgres", "password", "changeme", "changethis", "secret", "cpcs"}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class HideKeys(logging.Filter):
    """Takes access keys out of log lines: old scripts put them into addresses."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the message and its arguments; every record passes."""
        if isinstance(record.args, tuple):
            record.args = tuple(_hidden(a) if isinstance(a, str) else a for a in record.args)
        record.msg = _hidden(str(record.msg))
        return True


def _hidden(text: str) -> str:
    return KEY_PATTERN.sub("cpcs_***", _HASHTAG.sub(r"\1***", text))


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"hide_keys": {"()": HideKeys}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stderr",
            "formatter": "line",
            "filters": ["hide_keys"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "uvicorn": {"level": "INFO"},
        "uvicorn.access": {"level": "INFO"},
        "alembic": {"level": "WARNING"},
    },
}


def refuse_unsafe(settings: ServerSettings, host: str, *, plain_http: bool) -> None:
    """Refuse to serve others than this machine with defaults made for this machine.

    Raises
    ------
    CpcsError
        Code ``unsafe``, naming every reason.
    """
    if host in _LOOPBACK:
        return
    reasons = []
    if not (settings.behind_https or plain_http):
        reasons.append(
            "keys would cross the network unencrypted"
            " (put a TLS proxy in front and say --behind-https, or say --plain-http)"
        )
    url = parsed_address(settings.database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        file = Path(url.database)
        if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077:
            reasons.append(f"others on this machine can read {file.name} (chmod 600)")
    elif (url.password or "").lower() in _WEAK_PASSWORDS and url.host not in (None, "", *_LOOPBACK):
        reasons.append("the database has no password, or a well-known one")
    if settings.trusted_proxies.strip() == "*":
        reasons.append("any client could forge its address (--trusted-proxies '*')")
    if reasons:
        raise CpcsError(
            "unsafe", f"Refusing to listen on {host}: {'; '.join(reasons)}.", "See the guide."
        )


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises
    ------
    CpcsError
        Code ``port_taken``.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CpcsError(
            "port_taken",
            f"Cannot listen on {host} port {port}: {error.strerror}.",
            "Choose another with --port, or 0 for a free one.",
        ) from None
    listener.listen(2048)
    return listener


def run(settings: ServerSettings, host: str, port: int, *, workers: int = 1) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status.

    The first line on stdout is ``listening on http://HOST:PORT``, once connections are answered.
    """
    logging.config.dictConfig(LOGGING)
    listener = bound_socket(host, port)
    taken: int = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    settings.to_environment()
    config = uvicorn.Config(
        "server_stub.app:worker_app",
        factory=True,
        host=host,
        port=taken,
        workers=workers,
        log_config=None if workers == 1 else LOGGING,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        h11_max_incomplete_event_size=65536,
    )
    announcer = threading.Thread(
        target=_announce, args=(host, taken, f"listening on http://{shown}:{taken}"), daemon=True
    )
    announcer.start()
    # uvicorn raises the signal again after a clean end; ending as told is no failure.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server = uvicorn.Server(config)
    try:
        if workers > 1:
            Multiprocess(config, sockets=[listener]).run()
            return 0
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return 0
    finally:
        listener.close()
    return 0 if server.started else 1


def _announce(host: str, port: int, line: str) -> None:
    """Write the line when the server answers; for ever waiting is no harm in a daemon thread."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    while True:
        try:
            connection = http.client.HTTPConnection(target, port, timeout=10)
            connection.request("GET", "/api/v1/version")
            connection.getresponse().read()
            connection.close()
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
            continue
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        return
