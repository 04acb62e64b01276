"""What every test gets: real data or a skip, a profile of its own; stray logs fail."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# A job in the background is started deaf to interrupts, and hands that on to the programs that the
# tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data beside the project; tests on it skip only where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no folder of real data at {SHARED_DATA.name} beside the project")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the user's own profile, keys and settings out of the tests."""
    for name in ("CPCS_CACHE", "CPCS_SERVER_URL", "CPCS_ACCESS_KEY", "CPCS_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CPCS_PROFILE", str(tmp_path / "profile"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


@pytest.fixture(autouse=True)
def no_stray_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A warning or error that a test did not ask for fails it; ``caplog.clear()`` asks for it."""
    yield
    stray = [r for r in caplog.get_records("call") if r.levelno >= logging.WARNING]
    assert not stray, [r.getMessage() for r in stray]
