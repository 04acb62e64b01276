"""The observer's night: its rows, what was decided on them, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from cpcs_desktop.datamodel.band import BandRequest
from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.datamodel.point import point_id
from cpcs_desktop.datamodel.sources import Exposure
from cpcs_desktop.profile import Profile
from cpcs_desktop.session.acceptance import Acceptance, accept_again, accepted_in
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.session.night_frame import (
    Decisions,
    FrameFacts,
    FrameState,
    NightFrame,
    RejectReason,
    Verdict,
)
from cpcs_desktop.session.night_store import Move, NightStore, OutboxEffect, Step
from cpcs_desktop.sync.outbox import Outbox

_LAST_LOOKED_AT = "current"


class Night:
    """Rows of the night with every decision, durable before a command returns; for one thread.

    Commands of the observer can be undone, what the program found out by working cannot.

    Parameters
    ----------
    profile : Profile
        Its ``session_file`` and ``outbox_file`` are made where absent.
    """

    def __init__(self, profile: Profile) -> None:
        self._store = NightStore(profile.session_file)
        self._outbox = Outbox(profile.outbox_file)
        self._frames: dict[int, NightFrame] = {f.key: f for f in self._store.frames()}
        self._put(self._woken(frame) for frame in list(self._frames.values()))

    def _woken(self, frame: NightFrame) -> NightFrame:
        """Mend what a crash interrupted: work begun is queued again, a point kept is accepted."""
        if frame.state in {FrameState.EXTRACTING, FrameState.EXTRACTED}:
            frame = replace(frame, state=FrameState.QUEUED)
        decisions = frame.decisions
        if decisions.verdict is Verdict.UNDECIDED:
            kept = self._kept(frame)
            if kept is not None and kept.revision > decisions.revision:
                accepted = replace(decisions, verdict=Verdict.ACCEPTED, revision=kept.revision)
                frame = replace(frame, decisions=accepted)
        return frame

    def close(self) -> None:
        """Close the files."""
        self._store.close()
        self._outbox.close()

    # -- reading -------------------------------------------------------------------------------

    @property
    def frames(self) -> tuple[NightFrame, ...]:
        """Rows on the board, in the order they came."""
        return tuple(f for f in self._frames.values() if f.decisions.present)

    def frame(self, key: int) -> NightFrame:
        """Return one row."""
        return self._frames[key]

    @property
    def undo_label(self) -> str | None:
        """What undo would take back, None when there is nothing."""
        return self._store.next_label(undone=False)

    @property
    def redo_label(self) -> str | None:
        """What redo would do again, None when there is nothing."""
        return self._store.next_label(undone=True)

    @property
    def last_looked_at(self) -> int | None:
        """Key of the row that was looked at when the night was closed."""
        note = self._store.note(_LAST_LOOKED_AT)
        key = None if note is None else int(note)
        return key if key in self._frames and self._frames[key].decisions.present else None

    def look_at(self, key: int) -> Changes:
        """Remember which row is looked at; not undone, it is no decision."""
        self._store.set_note(_LAST_LOOKED_AT, str(key))
        return Changes(current=True)

    # -- what the observer decides -------------------------------------------------------------

    def add(self, paths: Iterable[str], decisions: Decisions | None = None) -> Changes:
        """Put files on the board, one row each; a path that is there already stays one row."""
        decisions = decisions or Decisions()
        there = {(f.path, f.decisions.event, f.decisions.target) for f in self.frames}
        fresh = [p for p in paths if (p, decisions.event, decisions.target) not in there]
        if not fresh:
            return Changes()
        absent = replace(decisions, present=False)
        with self._store.transaction():
            keys = self._store.add(fresh, decisions)
            self._store.push_step(
                f"add {_count(len(keys), 'row')}", [Move(k, absent, decisions) for k in keys]
            )
        for key, path in zip(keys, fresh, strict=True):
            self._frames[key] = NightFrame(key, path, decisions=decisions)
        return Changes(frames=frozenset(keys), board=True)

    def remove(self, keys: Iterable[int]) -> Changes:
        """Take rows off the board; the files and the outbox are left alone."""
        keys = list(keys)
        moved = {k: replace(self._frames[k].decisions, present=False) for k in keys}
        return self._decide(f"remove {_count(len(keys), 'row')}", moved)

    def assign(
        self, keys: Iterable[int], event: str | None, target: tuple[float, float] | None
    ) -> Changes:
        """Say which event (or bare position) rows are looked at for."""
        label = f"assign {event or 'a position'}"
        return self._change(keys, label, event=event, target=target, revision=0)

    def exclude(self, key: int, rows: Iterable[int]) -> Changes:
        """Take stars out of the fits, or put back those that are out already.

        Parameters
        ----------
        key : int
        rows : iterable of int
            Rows of the SourceCatalog; each changes sides.
        """
        rows = frozenset(rows)
        before = self._frames[key].decisions.excluded
        verb = "restore" if rows <= before else "exclude"
        return self._change(
            [key], f"{verb} {_count(len(rows), 'star')}", excluded=before.symmetric_difference(rows)
        )

    def set_excluded(self, key: int, rows: Iterable[int], label: str) -> Changes:
        """Make exactly these stars the excluded ones."""
        return self._change([key], label, excluded=frozenset(rows))

    def request_band(self, keys: Iterable[int], request: BandRequest) -> Changes:
        """Ask for a band; ``BandRequest()`` is automatic."""
        return self._change(keys, f"ask for band {request}", request=str(request))

    def use_magnitudes(self, keys: Iterable[int], kind: str) -> Changes:
        """Use AUTO or APER magnitudes."""
        return self._change(keys, f"use {kind} magnitudes", magnitude_kind=kind)

    def use_psf(self, keys: Iterable[int], on: bool) -> Changes:
        """Measure the target by a PSF fit with its neighbours, or by the aperture again."""
        label = "measure the target by PSF" if on else "measure the target by aperture"
        return self._change(keys, label, psf=on)

    def use_match_radius(self, keys: Iterable[int], radius_arcsec: float | None) -> Changes:
        """Use another match radius; None is automatic."""
        shown = "automatic" if radius_arcsec is None else f"{radius_arcsec:g}″"
        return self._change(keys, f"match radius {shown}", match_radius_arcsec=radius_arcsec)

    def set_times(self, keys: Iterable[int], mjd: float, exposure_s: float | None) -> Changes:
        """Give the time of a list that has none."""
        return self._change(keys, "set times", mjd=mjd, exposure_s=exposure_s)

    def use_check_star(self, key: int, place: tuple[float, float] | None) -> Changes:
        """Check every row of this row's target by another star; None is automatic."""
        here = self._frames[key].decisions
        same = [
            f.key
            for f in self.frames
            if (f.decisions.event, f.decisions.target) == (here.event, here.target)
        ]
        label = "automatic check star" if place is None else "choose the check star"
        return self._change(same, label, check_star=place)

    def set_comment(self, key: int, comment: str) -> Changes:
        """Write the comment that goes with the point."""
        return self._change([key], "write a comment", comment=comment)

    def reject(self, key: int, reason: RejectReason) -> Changes:
        """Say that the frame is no good; a point in the outbox is withdrawn."""
        changed = replace(
            self._frames[key].decisions, verdict=Verdict.REJECTED, reject_reason=reason
        )
        return self._unaccept(f"reject ({reason})", key, changed)

    def point_of(self, key: int) -> str | None:
        """Return the id that the point of a row has or would have; None while it is not known.

        Rows that were averaged share one point.
        """
        frame = self._frames[key]
        if frame.decisions.average is not None:
            return frame.decisions.average
        if frame.facts.frame_id is None or frame.decisions.event is None:
            return None
        sha256, _, hdu = frame.facts.frame_id.partition(":")
        return point_id(frame.decisions.event, sha256, int(hdu))

    def clear_verdict(self, key: int, why: str = "take the verdict back") -> Changes:
        """Take the verdict back; a point in the outbox is withdrawn."""
        changed = replace(
            self._frames[key].decisions, verdict=Verdict.UNDECIDED, reject_reason=None
        )
        return self._unaccept(why, key, changed)

    def accepted(self, key: int, acceptance: Acceptance) -> Changes:
        """Turn a row green: its point is in the outbox, on disk (see :func:`accept_point`)."""
        changed = replace(
            self._frames[key].decisions,
            verdict=Verdict.ACCEPTED,
            reject_reason=None,
            revision=acceptance.revision,
        )
        changes = self._decide("accept", {key: changed}, acceptance, "put")
        return changes | Changes.of_point(acceptance.point_id)

    def averaged(self, keys: Iterable[int], acceptance: Acceptance) -> Changes:
        """Turn rows green that share one point; it is in the outbox, on disk."""
        moved = {
            key: replace(
                self._frames[key].decisions,
                verdict=Verdict.ACCEPTED,
                reject_reason=None,
                revision=acceptance.revision,
                average=acceptance.point_id,
            )
            for key in keys
        }
        label = f"average {_count(len(moved), 'row')}"
        return self._decide(label, moved, acceptance, "put") | Changes.of_point(acceptance.point_id)

    def _unaccept(self, label: str, key: int, changed: Decisions) -> Changes:
        acceptance, changed = self._kept(self._frames[key]), replace(changed, average=None)
        if self._frames[key].decisions.verdict is not Verdict.ACCEPTED or acceptance is None:
            return self._decide(label, {key: changed})
        self._outbox.withdraw(acceptance.point_id, label)
        moved = {
            other.key: replace(other.decisions, verdict=Verdict.UNDECIDED, average=None)
            for other in self._frames.values()
            if other.decisions.average == acceptance.point_id
        }
        moved[key] = changed
        changes = self._decide(label, moved, acceptance, "take")
        return changes | Changes.of_point(acceptance.point_id)

    def _kept(self, frame: NightFrame) -> Acceptance | None:
        """Return the row's point as it lies in the outbox, None when none does."""
        point = self.point_of(frame.key)
        return None if point is None else accepted_in(self._outbox, point)

    def undo(self) -> Changes:
        """Take the newest command back; the outbox follows."""
        return self._walk(self._store.next_step(undone=False), back=True)

    def redo(self) -> Changes:
        """Do again what was undone last; the outbox follows."""
        return self._walk(self._store.next_step(undone=True), back=False)

    def _walk(self, step: Step | None, *, back: bool) -> Changes:
        if step is None:
            return Changes()
        moved = {m.key: m.before if back else m.after for m in step.moves}
        changes, acceptance = Changes(), step.acceptance
        if acceptance is not None and (step.effect == "put") is back:
            self._outbox.withdraw(
                acceptance.point_id, f"{step.label}: {'undone' if back else 'redone'}"
            )
        elif acceptance is not None:
            acceptance = accept_again(self._outbox, acceptance)
            moved = {k: replace(d, revision=acceptance.revision) for k, d in moved.items()}
        if acceptance is not None:
            changes = Changes.of_point(acceptance.point_id)
        return changes | self._apply(
            moved, lambda: self._store.mark_step(step, undone=back, acceptance=acceptance)
        )

    # -- what the program found out --------------------------------------------------------------

    def extracting(self, key: int) -> Changes:
        """Work on the row began."""
        return self._found(replace(self._frames[key], state=FrameState.EXTRACTING, error=None))

    def extracted(self, key: int, exposure: Exposure) -> Changes:
        """Keep the facts of measured or read sources."""
        frame = self._frames[key]
        facts = FrameFacts.of_exposure(exposure, frame.decisions)
        return self._found(replace(frame, state=FrameState.EXTRACTED, facts=facts, error=None))

    def found_events(self, key: int, events: Sequence[Event]) -> Changes:
        """Keep which known events lie on a row that was given none; one row for each of them."""
        frame = self._frames[key]
        if not events or frame.decisions.target is not None:
            return Changes()
        placed = [
            replace(frame.decisions, event=e.ivorn, target=(e.ra, e.dec))
            for e in events
            if e.ra is not None and e.dec is not None
        ]
        first = self._found(replace(frame, decisions=placed[0]))
        more = Changes()
        for decisions in placed[1:]:
            more |= self.add([frame.path], decisions)
        return first | more

    def calibrated(self, key: int, calibration: Calibration) -> Changes:
        """Keep what the cold fits of the row found."""
        frame = self._frames[key]
        facts = frame.facts.with_result(calibration)
        done = replace(frame, state=FrameState.CALIBRATED, facts=facts, error=None)
        return self._found(done) | Changes(fits=frozenset({key}))

    def failed(self, key: int, error: CpcsError) -> Changes:
        """Keep the known failure at which the work stopped; what was found before stays."""
        frame = self._frames[key]
        facts = frame.facts.without_result()
        stopped = replace(frame, state=FrameState.FAILED, error=error, facts=facts)
        return self._found(stopped) | Changes(fits=frozenset({key}))

    def queued(self, keys: Iterable[int]) -> Changes:
        """Rows wait for work again."""
        changes = Changes()
        for key in keys:
            changes |= self._found(replace(self._frames[key], state=FrameState.QUEUED, error=None))
        return changes

    def pictured(self, key: int, thumbnail: bytes) -> Changes:
        """Keep a small picture (PNG) of the row."""
        return self._found(replace(self._frames[key], thumbnail=thumbnail))

    # -- inside ----------------------------------------------------------------------------------

    def _change(self, keys: Iterable[int], label: str, **changed: object) -> Changes:
        """Change decisions; what alters a magnitude makes an accepted row undecided again."""
        moved = {}
        for key in keys:
            before = self._frames[key].decisions
            after = replace(before, **changed)  # type: ignore[arg-type]
            if after.changes_fit != before.changes_fit and before.verdict is Verdict.ACCEPTED:
                after = replace(after, verdict=Verdict.UNDECIDED, average=None)
            if after != before:
                moved[key] = after
        return self._decide(label, moved)

    def _decide(
        self,
        label: str,
        moved: Mapping[int, Decisions],
        acceptance: Acceptance | None = None,
        effect: OutboxEffect | None = None,
    ) -> Changes:
        if not moved:
            return Changes()
        moves = [Move(k, self._frames[k].decisions, after) for k, after in moved.items()]
        return self._apply(moved, lambda: self._store.push_step(label, moves, acceptance, effect))

    def _apply(self, moved: Mapping[int, Decisions], remember: Callable[[], None]) -> Changes:
        changes = Changes()
        after = [replace(self._frames[k], decisions=decisions) for k, decisions in moved.items()]
        for frame in after:
            before = self._frames[frame.key].decisions
            refit = before.changes_fit != frame.decisions.changes_fit
            changes |= Changes(
                frames=frozenset({frame.key}),
                fits=frozenset({frame.key}) if refit else frozenset(),
                board=before.present != frame.decisions.present,
            )
        self._put(after, remember)
        return changes

    def _found(self, frame: NightFrame) -> Changes:
        if frame == self._frames[frame.key]:
            return Changes()
        self._put([frame])
        return Changes(frames=frozenset({frame.key}))

    def _put(
        self, frames: Iterable[NightFrame], remember: Callable[[], None] | None = None
    ) -> None:
        """Write rows, then believe it."""
        frames = list(frames)
        with self._store.transaction():
            if remember is not None:
                remember()
            for frame in frames:
                self._store.save(frame)
        self._frames |= {frame.key: frame for frame in frames}


def _count(n: int, noun: str) -> str:
    return f"1 {noun}" if n == 1 else f"{n} {noun}s"
