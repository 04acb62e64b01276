"""Asking a TAP service for a table, patiently: retries, redirects, overflow, cancel.

The protocol (IVOA TAP 1.1, UWS 1.1) is pyvo's; this adds what a night needs: a pause between
requests to one host, waiting as long as a busy service asks for, noticing answers that were cut
off, and giving up within a second when the observer cancels.
"""

from __future__ import annotations

import contextlib
import io
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import requests
from requests.exceptions import ChunkedEncodingError, ContentDecodingError

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys.patient_session import Patience, PatientSession
from cpcs_desktop.surveys.reading.raw_table import RawTable

_BUSY = frozenset({429, 502, 503, 504})
_LONGEST_WAIT_S = 120.0


class CancelledError(Exception):
    """The observer cancelled; what was finished stays."""


class _AnswerError(Exception):
    """An answer that may be better the next time."""

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@dataclass(frozen=True)
class Answer:
    """A table from a service.

    Parameters
    ----------
    table : RawTable
    overflow : bool
        The service cut the table off at its limit.
    n_bytes : int
        Size of the answer.
    """

    table: RawTable
    overflow: bool
    n_bytes: int


class TapClient:
    """One TAP service.

    Parameters
    ----------
    url : str
        Base address, without ``/sync``.
    patience : Patience
    cancelled : callable
        Asked about ten times a second.
    received : callable
        Told of every piece of an answer, in bytes.
    """

    def __init__(
        self,
        url: str,
        patience: Patience | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        received: Callable[[int], None] | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._patience = patience or Patience()
        self._cancelled = cancelled
        self._received = received or (lambda _: None)

    def columns(self, tables: list[str]) -> list[str]:
        """Return the column names of tables, as ``TAP_SCHEMA`` lists them.

        Raises
        ------
        CpcsError
            Code ``service_error`` when the service does not know a table; see :meth:`query`.
        """
        names: list[str] = []
        for table in tables:
            adql = f"SELECT column_name FROM TAP_SCHEMA.columns WHERE table_name = '{table}'"  # noqa: S608 - names of the registry
            answer = self.query(adql, maxrec=10_000)
            if len(answer.table) == 0:
                raise CpcsError(
                    "service_error",
                    f"The service {self.url} has no table {table}.",
                    "The survey may have moved: name its new address with --url.",
                )
            names += [n.strip('"') for n in answer.table.texts("column_name").tolist()]
        return names

    def query(self, adql: str, *, maxrec: int, asynchronous: bool = False) -> Answer:
        """Run a query and return its table.

        Raises
        ------
        CpcsError
            ``service_error`` (it refused the query), ``service_busy``, ``service_unreachable``,
            ``bad_answer`` (broken or cut-off answers, time after time).
        CancelledError
        """
        wait = self._patience.backoff_s
        for attempt in range(1, self._patience.tries + 1):
            try:
                run = self._run_job if asynchronous else self._run_sync
                content = self._in_thread(partial(run, adql, maxrec))
                return _parse(content)
            except _AnswerError as error:
                failure, code = error, "bad_answer"
                if error.wait_s is not None:
                    code = "service_busy"
                    wait = min(max(error.wait_s, 0.0), _LONGEST_WAIT_S)
            except (ChunkedEncodingError, ContentDecodingError) as error:
                failure, code = (
                    _AnswerError(f"the answer was cut off: {_short(error)}"),
                    "bad_answer",
                )
            except requests.RequestException as error:
                failure = _AnswerError(_short(error))
                code = "service_unreachable"
            if attempt < self._patience.tries:
                self._sleep(wait)
                wait = min(2.0 * wait, _LONGEST_WAIT_S)
        raise CpcsError(
            code,
            f"The service {self.url} gave no good answer: {failure}.",
            "Try again later; what was fetched so far is kept.",
        ) from failure

    def _run_sync(self, adql: str, maxrec: int) -> bytes:
        with self._session() as session:
            response = session.post(
                f"{self.url}/sync",
                data={
                    "REQUEST": "doQuery",
                    "LANG": "ADQL",
                    "QUERY": adql,
                    "MAXREC": str(maxrec),
                    "RESPONSEFORMAT": "votable",
                },
                stream=True,
            )
            return self._body(response)

    def _run_job(self, adql: str, maxrec: int) -> bytes:
        from pyvo.dal import DALFormatError, DALQueryError, DALServiceError, TAPService

        with self._session() as session:
            try:
                service = TAPService(self.url, session=session)
                job = service.submit_job(adql, maxrec=maxrec)
            except (DALServiceError, DALFormatError) as error:
                raise _AnswerError(_short(error), _retry_after(error)) from error
            try:
                job.run()
                give_up = time.monotonic() + self._patience.job_s
                while job.phase not in {"COMPLETED", "ERROR", "ABORTED"}:
                    if time.monotonic() > give_up:
                        raise _AnswerError(f"a job took longer than {self._patience.job_s:.0f} s")
                    if self._cancelled():
                        raise CancelledError
                job.raise_if_error()
                response = session.get(job.result_uri, stream=True)
                return self._body(response)
            except DALQueryError as error:
                raise self._refused(str(error)) from error
            except (DALServiceError, DALFormatError) as error:
                raise _AnswerError(_short(error), _retry_after(error)) from error
            finally:
                with contextlib.suppress(Exception):
                    job.delete()  # politeness; the service forgets old jobs anyway

    def _body(self, response: requests.Response) -> bytes:
        """Read an answer piece by piece."""
        with response:
            if response.status_code in _BUSY:
                raise _AnswerError(
                    f"status {response.status_code}", _seconds(response.headers.get("Retry-After"))
                )
            pieces = []
            for piece in response.iter_content(1 << 16):
                if self._cancelled():
                    raise CancelledError
                pieces.append(piece)
                self._received(len(piece))
            content = b"".join(pieces)
        if response.status_code >= 500:
            raise _AnswerError(f"status {response.status_code}")
        if response.status_code >= 400:
            raise self._refused(_error_text(content) or f"status {response.status_code}")
        return content

    def _refused(self, reason: str) -> CpcsError:
        return CpcsError(
            "service_error",
            f"The service {self.url} refused the query: {' '.join(reason.split())[:300]}.",
            "The survey's table may have changed there; another address can be given with --url.",
        )

    @contextlib.contextmanager
    def _session(self) -> Iterator[PatientSession]:
        session = PatientSession(self._patience)
        try:
            yield session
        finally:
            session.close()

    def _in_thread(self, work: Callable[[], bytes]) -> bytes:
        """Do blocking work in a thread that is left alone when the observer cancels."""
        result: list[bytes] = []
        failure: list[BaseException] = []

        def run() -> None:
            try:
                result.append(work())
            except BaseException as error:  # noqa: BLE001 - carried over to the caller
                failure.append(error)

        thread = threading.Thread(target=run, daemon=True, name="tap-query")
        thread.start()
        while thread.is_alive():
            thread.join(0.1)
            if self._cancelled():
                raise CancelledError
        if failure:
            raise failure[0]
        return result[0]

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._cancelled():
                raise CancelledError
            time.sleep(min(0.1, left))


def _parse(content: bytes) -> Answer:
    """Read a VOTable of TAP; its last INFO tells of errors and overflow (DALI 1.1, 4.4)."""
    from astropy.io import votable

    from cpcs_desktop.surveys.reading.read_table import from_astropy

    if not content.rstrip().endswith((b"VOTABLE>", b"VOTable>")):
        raise _AnswerError("the answer was cut off" if content else "the answer was empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # services bend the standard
            document = votable.parse(io.BytesIO(content), verify="ignore")
            infos = [info for r in document.resources for info in r.infos]
            infos += [info for t in document.iter_tables() for info in t.infos]
            status = [i for i in infos if i.name == "QUERY_STATUS"]
            for info in status:
                if info.value == "ERROR":
                    reason = " ".join((info.content or "").split())[:300]
                    raise CpcsError(
                        "service_error",
                        f"The service refused the query: {reason}.",
                        "The survey's table may have changed there.",
                    )
            table = next(iter(document.iter_tables()), None)
            if table is None:
                raise _AnswerError("the answer holds no table")
            overflow = any(i.value == "OVERFLOW" for i in status)
            return Answer(
                from_astropy(table.to_table(use_names_over_ids=True)), overflow, len(content)
            )
    except (CpcsError, _AnswerError):
        raise
    except Exception as error:
        raise _AnswerError(f"the answer is broken: {_short(error)}") from error


def _error_text(content: bytes) -> str:
    """Return the service's own words of an error, out of a VOTable or plain text."""
    try:
        _parse(content)
    except CpcsError as error:
        return error.message.partition(": ")[2]
    except _AnswerError:
        text = content[:300].decode("utf-8", "replace")
        return "" if "<" in text else text
    return ""


def _seconds(header: str | None) -> float:
    """Return what ``Retry-After`` asks for: seconds or a date; 5 s when it asks for nothing."""
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    if header is None:
        return 5.0
    try:
        return float(header)
    except ValueError:
        with contextlib.suppress(ValueError, TypeError):
            return (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
    return 5.0


def _retry_after(error: Exception) -> float | None:
    response = getattr(error.__cause__ or error, "response", None)
    if response is None or response.status_code not in _BUSY:
        return None
    return _seconds(response.headers.get("Retry-After"))


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return (text or type(error).__name__)[:200]
