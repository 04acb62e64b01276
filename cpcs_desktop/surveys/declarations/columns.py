"""Column names that published tables use, and the shorthand to declare them.

A name may be a *column formula* (see :mod:`cpcs_desktop.surveys.column_formula`), such as
``1.0857/phot_g_mean_flux_over_error`` or ``1e-8*RA``.
"""

from cpcs_desktop.datamodel.band import Band, MagnitudeSystem

VIZIER_TAP = "https://tapvizier.cds.unistra.fr/TAPVizieR/tap"
GAIA_TAP = "https://gea.esac.esa.int/tap-server/tap"

#: Magnitude error of a relative flux error: 2.5 / ln 10.
MAG_PER_RELATIVE_FLUX = "1.0857362"

#: Positions and proper motions; _RAJ2000 is VizieR's own conversion and comes after the
#: catalogue's own columns (a proper motion belongs to those).
POSITIONS: dict[str, tuple[str, ...]] = {
    "source_id": ("source_id", "id", "name"),
    "ra": ("ra", "RA_ICRS", "RAICRS", "RAJ2000", "radeg", "ra_deg", "RA_deg", "_RAJ2000", "_RA",
           "RA(ICRS)", "alpha_j2000", "ra_j2000", "X_WORLD", "XWIN_WORLD", "coord_ra"),
    "dec": ("dec", "DE_ICRS", "DEICRS", "DEJ2000", "decdeg", "dec_deg", "DEC_deg", "_DEJ2000",
            "_DE", "DE(ICRS)", "delta_j2000", "dec_j2000", "dej2000", "decl",
            "Y_WORLD", "YWIN_WORLD", "coord_dec"),
    "pmra": ("pmra", "pmRA", "pm_ra", "pmRAcosDE"),
    "pmdec": ("pmdec", "pmDE", "pm_dec", "pmde"),
    "epoch": ("ref_epoch", "OBSDATE", "epoch"),
}  # fmt: skip


def bands(survey: str, system: MagnitudeSystem, **wavelength_nm: float) -> tuple[Band, ...]:
    """Declare bands of one survey in one magnitude system: letter = effective wavelength in nm."""
    return tuple(Band(f"{survey}/{name}", system, nm) for name, nm in wavelength_nm.items())


def band_columns(**published: str) -> dict[str, tuple[str, ...]]:
    """Return the usual names of magnitudes and errors.

    Parameters
    ----------
    **published : str
        For each band letter, the published names before the generic ones, separated by blanks;
        ``magnitude:error`` names a pair.
    """
    columns: dict[str, tuple[str, ...]] = {}
    for letter, text in published.items():
        pairs = [name.partition(":") for name in text.split()]
        columns[letter] = (
            *(name for name, _, _ in pairs),
            f"{letter}mag", f"{letter}_mag", letter, f"mag_{letter}",
        )  # fmt: skip
        columns[f"{letter}_err"] = (
            *(error for _, _, error in pairs if error),
            f"e_{letter}mag", f"{letter}mag_err", f"{letter}magerr", f"{letter}_mag_err",
            f"{letter}_err", f"{letter}err", f"e_{letter}", f"d{letter}", f"mag_err_{letter}",
        )  # fmt: skip
    return columns


def columns(letters: dict[str, str], **more: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Join positions, bands and a survey's own names; own names of positions come first."""
    joined = {**POSITIONS, **band_columns(**letters)}
    for ours, names in more.items():
        joined[ours] = (*names, *(n for n in joined.get(ours, ()) if n not in names))
    return joined
