"""Refusals: what the server says no to, with one status and one sentence each."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818  the word of the wire
    """A request that cannot be granted.

    Parameters
    ----------
    status : int
        HTTP status, 4xx.
    code : str
        One word for programs.
    message : str
        One sentence for the observer; on the old wire it is cut at 100 characters.
    reasons : tuple of str
        Everything that is wrong, where there is more than one thing.
    revision : int, optional
        Revision the server holds, for conflicts.
    retry_after_s : float, optional
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        reasons: tuple[str, ...] = (),
        *,
        revision: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.reasons = reasons
        self.revision = revision
        self.retry_after_s = retry_after_s
