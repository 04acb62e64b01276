"""What can come back from the server instead of success, as errors with a sentence each."""

from __future__ import annotations

from cpcs_desktop.datamodel.errors import CpcsError

#: The only answers that refuse a point for good; all others leave it waiting.
REFUSALS = frozenset({409, 413, 422})


class UnreachableError(CpcsError):
    """No answer at all: no network, no such host, a connection cut in the middle.

    Parameters
    ----------
    never_left : bool
        Not one byte of the request reached the server.
    """

    def __init__(self, server: str, why: str, *, never_left: bool) -> None:
        super().__init__(
            "unreachable",
            f"The server {server} does not answer ({why}).",
            "The points are safe in the outbox and are sent as soon as it does.",
        )
        self.never_left = never_left

    def __reduce__(self) -> tuple[object, ...]:
        """Travel as the plain error it is."""
        return (CpcsError, (self.code, self.message, self.hint))


class BadAnswerError(CpcsError):
    """An answer that is not the server's own: a captive portal, a proxy's page, half a receipt."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(
            "bad_answer",
            f"The answer (HTTP {status}) is not one of a CPCS server: {why}.",
            "Check the server's address and whether the network wants a login page.",
        )
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        """Travel as the plain error it is."""
        return (CpcsError, (self.code, self.message, self.hint))


class RefusalError(CpcsError):
    """The server said no: 4xx or 5xx, with its own words where it gave them.

    Parameters
    ----------
    status : int
    code : str
        The server's code, or ``http_<status>``.
    message : str
    reasons : tuple of str
        Everything that is wrong.
    retry_after_s : float or None
        When the server wants to be asked again.
    server_revision : int or None
        Revision the server holds, where a conflict names it.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        reasons: tuple[str, ...] = (),
        retry_after_s: float | None = None,
        server_revision: int | None = None,
    ) -> None:
        super().__init__(code, message, _hint(status))
        self.status = status
        self.reasons = reasons
        self.retry_after_s = retry_after_s
        self.server_revision = server_revision

    def __reduce__(self) -> tuple[object, ...]:
        """Travel as the plain error it is."""
        return (CpcsError, (self.code, self.message, self.hint))

    @property
    def final(self) -> bool:
        """Whether sending the same again can never help."""
        return self.status in REFUSALS

    @property
    def sentence(self) -> str:
        """Message and every reason."""
        extra = [r for r in self.reasons if r not in self.message]
        return f"{self.message.rstrip('.')}: {'; '.join(extra)}" if extra else self.message


def _hint(status: int) -> str:
    if status in {401, 403}:
        return "Check the access key with cpcs login; the points stay in the outbox."
    if status == 426:
        return "Update the older of the two programs; the points stay in the outbox."
    if status in REFUSALS:
        return "See cpcs queue list for the reasons."
    return "The points stay in the outbox and are sent later."
