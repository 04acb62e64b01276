"""Errors an observer can do something about: one sentence, and what to do."""

from collections.abc import Mapping
from typing import Any


class CpcsError(Exception):
    """A known failure: shown as a sentence in a row, never as a traceback.

    Parameters
    ----------
    code : str
        One of the words of the command line's contract, such as ``no_wcs`` or ``too_few_stars``.
    message : str
        One sentence for the observer.
    hint : str
        What to do about it.
    found : mapping, optional
        What had been found before the failure (numbers of sources, matches ...), JSON-ready.
    """

    def __init__(
        self, code: str, message: str, hint: str = "", found: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.found: dict[str, Any] = dict(found or {})

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive the way back from a child process."""
        return (type(self), (self.code, self.message, self.hint, self.found))

    def as_json(self) -> dict[str, str]:
        """Return the error object of ``calibrate --json``."""
        return {"code": self.code, "message": self.message, "hint": self.hint}
