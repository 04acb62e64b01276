"""The line above a light curve: what is shown, and the colours of the bands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cpcs_desktop.ui.light_curve_marks import Mark
from cpcs_desktop.ui.light_curve_points import Drawn
from cpcs_desktop.ui.theme import Theme, band_colour, css


def title_html(
    event: str | None, drawn: Sequence[Drawn], marks: Sequence[Mark], theme: Theme
) -> str:
    """Return the title of a light curve."""
    faint = css(theme.faint)
    if event is None:
        text = "Choose an event, or a row of the night, to see its light curve."
        return f'<span style="color:{faint}">{text}</span>'
    shown = {id(m.drawn): m for m in marks if m.drawn is not None}.values()
    parts = []
    if shown or not marks:
        parts.append(f"{_count(shown, 'server')} points on the server")
    else:
        kind = "nights" if marks[0].how == "bin" else "pairs"
        parts.append(f"{len({m.words for m in marks})} {kind}")
    for how, words in (
        ("waiting", "accepted here, not sent yet (hollow)"),
        ("night", "of tonight, not decided (thin)"),
        ("older", "superseded or withdrawn (grey)"),
    ):
        n = _count(shown, how)
        if n:
            parts.append(f"{n} {words}")
    if any(m.how == "draft" for m in shown):
        parts.append("the draft is ringed")
    hints = sum(m.hint for m in shown)
    if hints:
        parts.append(f"{hints} far from the neighbours (ringed)")
    doubted = sum(d.doubt is not None for d in drawn)
    if doubted:
        parts.append(f"{doubted} doubtful (crossed)")
    bands = sorted({m.band for m in marks})
    legend = " ".join(
        f'<span style="color:{css(band_colour(b.partition("/")[2], theme))}">● {b}</span>'
        for b in bands
    )
    words = "; ".join(parts)
    return f'<b>{event}</b> <span style="color:{faint}">{words}</span> &nbsp; {legend}'


def _count(marks: Iterable[Mark], how: str) -> int:
    return sum(m.how == how for m in marks)
