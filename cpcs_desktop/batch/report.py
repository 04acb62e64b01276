"""The report of a night: one HTML file that opens anywhere, pictures inside, no network, no script.

Nothing in it depends on when, where or by how many processes it was made.
"""

from __future__ import annotations

import base64
import html
import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cpcs_desktop import __version__
from cpcs_desktop.batch.writers import replacing

if TYPE_CHECKING:
    from cpcs_desktop.batch.one_input import Answer

_STYLE = """
:root{color-scheme:light dark;--line:#8886;--soft:#8881}
:root{--bad:#c2410c;--good:#15803d;--amber:#a16207}
body{font:15px/1.45 system-ui,sans-serif;max-width:80rem;margin:0 auto;padding:1rem}
td{vertical-align:top}h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem}
img{max-width:100%;height:auto;background:#fff;border-radius:4px}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .55rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{position:sticky;top:0;background:Canvas}td:first-child,th:first-child,.w{text-align:left}
.w{white-space:normal;min-width:22rem}.scroll{overflow-x:auto;max-height:80vh}
.failure{border-left:4px solid var(--bad);padding:.2rem .9rem;margin:1rem 0;background:var(--soft)}
.failure img{width:26rem}.red{color:var(--bad)}.amber{color:var(--amber)}.green{color:var(--good)}
code{font-size:.9em}footer{margin:2rem 0;font-size:.8rem;opacity:.7}
"""


@dataclass
class NightReport:
    """Collects what a night's plots and table need: a few numbers a frame."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    failures: list[tuple[dict[str, Any], str | None]] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Take one line of the batch."""
        line = json.loads(answer.line)
        if not answer.ok:
            self.failures.append((line, answer.picture))
            return
        levels = [check["level"] for check in line["checks"]]
        doubts = [c["message"] for c in line["checks"] if c["level"] in {"amber", "red"}]
        kept = ("path", "event", "mjd", "exposure_s", "band", "mag", "mag_err_total", "is_limit",
                "limit_reason", "zero_point", "zero_point_err", "scatter", "n_used")  # fmt: skip
        worst = next((level for level in ("red", "amber") if level in levels), "green")
        ambiguous = line["choice"]["ambiguous"]
        self.rows.append(
            {name: line[name] for name in kept}
            | answer.facts
            | {"worst": worst, "doubts": doubts, "ambiguous": ambiguous}
        )

    def pages(self) -> Iterator[str]:
        """Yield the HTML in pieces."""
        total = len(self.rows) + len(self.failures)
        yield (
            '<!doctype html><html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{html.escape(self._title())}</title><style>{_STYLE}</style>"
            f"<h1>{html.escape(self._title())}</h1><p>{html.escape(self._summary(total))}</p>"
        )
        if self.failures:
            yield f"<h2>What went wrong ({len(self.failures)})</h2>"
            for line, picture in self.failures:
                yield _failure(line, picture)
        timed = [row for row in self.rows if row["mjd"] is not None]
        if timed:
            yield "<h2>The night</h2>"
            picture = base64.b64encode(night_picture(timed)).decode()
            yield _image(picture, "Zero point, scatter, seeing and limit against time")
            untimed = len(self.rows) - len(timed)
            if untimed:
                yield f"<p>Without a time, and so in the table only: {untimed}.</p>"
        if self.rows:
            yield '<h2>All frames</h2><div class="scroll"><table><thead><tr>'
            yield "".join(f"<th>{name}</th>" for name in _HEADINGS) + "</tr></thead><tbody>"
            for row in self.rows:
                yield _table_row(row)
            yield "</tbody></table></div>"
        yield f"<footer>cpcs-desktop {__version__}</footer></html>\n"

    def _title(self) -> str:
        times = [row["mjd"] for row in self.rows if row["mjd"] is not None]
        if not times:
            return "Report of a night"
        first, last = _date(min(times) - 0.5), _date(max(times) - 0.5)
        return f"Night of {first}" if first == last else f"Nights of {first} to {last}"

    def _summary(self, total: int) -> str:
        bands = Counter(row["band"] for row in self.rows)
        limits = sum(bool(row["is_limit"]) for row in self.rows)
        words = [f"{total} inputs: {len(self.rows)} calibrated, {len(self.failures)} failed."]
        if self.rows:
            named = ", ".join(f"{band} ({n})" for band, n in sorted(bands.items()))
            words.append(f"{len(self.rows) - limits} detections and {limits} limits in {named}.")
        for level in ("red", "amber"):
            n = sum(row["worst"] == level for row in self.rows)
            words.append(f"{n} with {level} checks." if n else "")
        return " ".join(word for word in words if word)


@contextmanager
def night_report(path: Path) -> Iterator[NightReport]:
    """Collect a report and write it at the end of the block, whole or not at all.

    Raises
    ------
    CpcsError
        ``unwritable``.
    """
    with replacing(path) as file:
        report = NightReport()
        yield report
        for piece in report.pages():
            file.write(piece.encode())


def night_picture(rows: list[dict[str, Any]]) -> bytes:
    """Return a PNG of zero point, scatter, seeing and limit against time, a colour a band.

    Parameters
    ----------
    rows : list of dict
        With ``mjd``, ``band``, ``zero_point`` ...; zero points are shown for 1 s of exposure where
        every exposure time is known, so that clouds show and exposure times do not.
    """
    import io

    import matplotlib.dates as mdates
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from cpcs_desktop.datamodel.band import band_order
    from cpcs_desktop.plots.light_curve import band_colour

    figure = Figure(figsize=(10.0, 9.0), dpi=90)
    FigureCanvasAgg(figure)
    panels = figure.subplots(4, 1, sharex=True)
    of_a_second = all((row["exposure_s"] or 0) > 0 for row in rows)
    arcsec = any(row.get("fwhm_arcsec") is not None for row in rows)
    labels = (
        f"zero point{' of 1 s' if of_a_second else ''} (mag)",
        "scatter (mag)",
        f"FWHM ({'arcsec' if arcsec else 'pixels'})",
        "5 sigma limit (mag)",
    )
    for band in sorted({row["band"] for row in rows}, key=band_order):
        ours = sorted((row for row in rows if row["band"] == band), key=lambda row: row["mjd"])
        when = [row["mjd"] - 40587.0 for row in ours]  # matplotlib counts days from 1970
        shift = [2.5 * math.log10(r["exposure_s"]) if of_a_second else 0.0 for r in ours]
        columns = (
            [row["zero_point"] - s for row, s in zip(ours, shift, strict=True)],
            [row["scatter"] for row in ours],
            [_known(row.get("fwhm_arcsec" if arcsec else "fwhm_pix")) for row in ours],
            [_known(row.get("limit_mag")) for row in ours],
        )
        for panel, values in zip(panels, columns, strict=True):
            panel.plot(when, values, "o-", ms=4, lw=0.6, color=band_colour(band), label=band)
        errors = [_known(row["zero_point_err"]) for row in ours]
        panels[0].errorbar(when, columns[0], errors, fmt="none", ecolor=band_colour(band), lw=0.8)
    for panel, label in zip(panels, labels, strict=True):
        panel.set_ylabel(label, fontsize=9)
        panel.grid(alpha=0.25)
    panels[0].legend(fontsize=8, ncols=6, frameon=False, loc="lower left")
    locator = mdates.AutoDateLocator()  # type: ignore[no-untyped-call]
    panels[-1].xaxis.set_major_locator(locator)
    formatter = mdates.ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    panels[-1].xaxis.set_major_formatter(formatter)
    panels[-1].set_xlabel("UTC")
    figure.align_ylabels(panels)
    figure.subplots_adjust(left=0.09, right=0.98, top=0.98, bottom=0.06, hspace=0.08)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": "cpcs-desktop"})
    return buffer.getvalue()


_HEADINGS = ("input", "UTC", "band", "magnitude", "zero point", "scatter", "stars", "FWHM",
             "limit", "airmass", "checks")  # fmt: skip


def _table_row(row: dict[str, Any]) -> str:
    value = f"&gt; {row['mag']:.2f}" if row["is_limit"] else f"{row['mag']:.3f}"
    if not row["is_limit"] and row["mag_err_total"] is not None:
        value += f" ± {row['mag_err_total']:.3f}"
    band = html.escape(row["band"]) + (" ?" if row["ambiguous"] else "")
    arcsec, pixels = row.get("fwhm_arcsec"), row.get("fwhm_pix")
    fwhm = f"{arcsec:.2f}″" if arcsec is not None else _digits(pixels, 1, " px")
    doubts = html.escape(" ".join(row["doubts"])) or "green"
    zero_point = f"{row['zero_point']:.3f} ± {_known(row['zero_point_err']):.3f}"
    name = html.escape(row["path"]) + (f"<br>{html.escape(row['event'])}" if row["event"] else "")
    cells = (name, _time(row["mjd"]), band, value, zero_point, f"{row['scatter']:.3f}",
             f"{row['n_used']:.0f}", fwhm, _digits(row.get("limit_mag"), 2),
             _digits(row.get("airmass"), 2))  # fmt: skip
    last = f'<td class="w {row["worst"]}">{doubts}</td>'
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + last + "</tr>"


def _failure(line: dict[str, Any], picture: str | None) -> str:
    error = line["error"]
    shown = "" if picture is None else _image(picture, f"{line['path']}: {error['message']}")
    known = {k: v for k, v in line.items() if k not in {"path", "status", "event", "error"}}
    found = html.escape(", ".join(f"{name} {value}" for name, value in known.items()))
    return (
        f'<div class="failure"><p><b>{html.escape(line["path"])}</b> '
        f"<code>{html.escape(error['code'])}</code><br>{html.escape(error['message'])} "
        f"{html.escape(error['hint'])}{found and '<br>'}{found}</p>{shown}</div>"
    )


def _image(png: str, alternative: str) -> str:
    return f'<img alt="{html.escape(alternative, quote=True)}" src="data:image/png;base64,{png}">'


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def _digits(value: float | None, digits: int, unit: str = "") -> str:
    return "" if value is None else f"{value:.{digits}f}{unit}"


def _date(mjd: float) -> str:
    return _time(mjd)[:10]


def _time(mjd: float | None) -> str:
    from datetime import UTC, datetime, timedelta

    if mjd is None or not -600000 < mjd < 2900000:
        return ""
    moment = datetime(1858, 11, 17, tzinfo=UTC) + timedelta(days=mjd)
    return f"{moment:%Y-%m-%d %H:%M:%S}"
