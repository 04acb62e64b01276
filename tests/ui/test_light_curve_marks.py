"""What a light curve draws, checked without drawing it."""

from __future__ import annotations

import pytest

from cpcs_desktop.datamodel.point import LightCurvePoint
from cpcs_desktop.sync.doubts import doubt_of, without_doubt
from cpcs_desktop.ui.light_curve_controls import number_of, time_of
from cpcs_desktop.ui.light_curve_marks import Choice, Shown, marks_of
from cpcs_desktop.ui.light_curve_points import Drawn


def drawn(n: int, mjd: float, mag: float, band: str = "SDSS/g", **changes: object) -> Drawn:
    how = str(changes.pop("how", "server"))
    fields = {
        "id": f"id{n}", "revision": 1, "kind": "DETECTION", "mjd": mjd, "mag": mag,
        "mag_err": 0.01, "mag_err_total": 0.02, "calib_err": 0.01, "band": band,
        "observatory": "Ostrowik",
    }  # fmt: skip
    return Drawn(LightCurvePoint(**(fields | changes)), how, "on the server")  # type: ignore[arg-type]


NIGHT = [
    drawn(1, 58000.10, 15.0),
    drawn(2, 58000.14, 15.2),
    drawn(3, 58000.115, 14.5, "SDSS/r"),
    drawn(4, 58001.10, 15.4, observatory="Loiano"),
    drawn(5, 58002.10, 18.0, kind="UPPER_LIMIT", mag_err=None, mag_err_total=None),
    drawn(6, 58000.11, 12.0, how="draft"),
    drawn(7, 58000.13, 11.0, how="older"),
]


def test_band_observatory_and_time_narrow() -> None:
    def ids(choice: Choice) -> list[str]:
        return [m.drawn.point.id for m in marks_of(NIGHT, choice, {}) if m.drawn is not None]

    assert len(ids(Choice())) == 7
    assert ids(Choice(band="SDSS/r")) == ["id3"]
    assert ids(Choice(observatory="Loiano")) == ["id4"]
    assert ids(Choice(since=58001.0)) == ["id4", "id5"]
    assert ids(Choice(since=58001.0, until=58002.0)) == ["id4"]


def test_limits_are_arrows_without_errors() -> None:
    [limit] = [m for m in marks_of(NIGHT, Choice(), {}) if m.kind == "limit"]
    assert (limit.y, limit.err) == (18.0, None)


def test_nights_are_means_of_what_counts() -> None:
    """Drafts and hidden revisions take no part; equal errors give the plain mean."""
    marks = marks_of(NIGHT, Choice(shown=Shown.NIGHTS), {}, longitude=21.0)
    assert [(round(m.x, 3), round(m.y, 3), m.band, m.kind) for m in marks] == [
        (58000.115, 14.5, "SDSS/r", "detection"),
        (58000.12, 15.1, "SDSS/g", "detection"),
        (58001.10, 15.4, "SDSS/g", "detection"),
        (58002.10, 18.0, "SDSS/g", "limit"),
    ]
    assert "mean of 2" in next(m.words for m in marks if abs(m.y - 15.1) < 1e-9)


def test_colours_of_near_simultaneous_pairs() -> None:
    choice = Choice(shown=Shown.COLOUR, blue="g", red="r", band="SDSS/r")
    [pair] = marks_of(NIGHT, choice, {})
    assert pair.y == pytest.approx(0.5), "each point once, with the nearest"
    assert pair.err == pytest.approx(0.02 * 2**0.5)
    assert "min apart" in pair.words


def test_folding_shows_every_mark_twice_at_its_phase() -> None:
    choice = Choice(period_days=0.5, epoch_mjd=58000.0)
    marks = marks_of(NIGHT, choice, {})
    assert len(marks) == 2 * len(NIGHT)
    first, again = marks[0], marks[len(NIGHT)]
    assert first.x == pytest.approx(0.2, abs=1e-9)
    assert again.x == pytest.approx(1.2, abs=1e-9)
    assert all(0 <= m.x < 2 for m in marks)


def test_hints_are_for_counting_points_and_can_be_switched_off() -> None:
    far = {"id1": 6.0, "id6": 50.0, "id7": 50.0}
    assert [m.drawn.point.id for m in marks_of(NIGHT, Choice(), far) if m.hint and m.drawn] == [
        "id1"
    ]
    assert "6.0 sigma" in marks_of(NIGHT, Choice(), far)[0].words
    assert not any(m.hint for m in marks_of(NIGHT, Choice(hints=False), far))


@pytest.mark.parametrize(
    ("text", "mjd"),
    [("58000.5", 58000.5), ("2458001.0", 58000.5), ("2017-09-04", 58000.0),
     ("2017-09-04T12:00", 58000.5), ("", None), ("58000,5", 58000.5)],
)  # fmt: skip
def test_times_are_read_as_people_write_them(text: str, mjd: float | None) -> None:
    assert time_of(text) == mjd
    if text == "2017-09-04":
        assert time_of(text, end=True) == 58001.0


@pytest.mark.parametrize("text", ["tomorrow", "2017-13-01", "1e400", "nan"])
def test_nonsense_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"no (time|number)|not plausible"):
        time_of(text)
    with pytest.raises(ValueError, match=r"no number|not plausible"):
        number_of(text)


def test_doubts_come_off_a_comment_as_they_went_on() -> None:
    assert doubt_of("doubtful: a trail | clear sky") == "a trail"
    assert without_doubt("doubtful: a trail | clear sky") == "clear sky"
    assert doubt_of("clear | doubtful: no") is None
    assert without_doubt("clear | doubtful: no") == "clear | doubtful: no"
