"""Declarations of the surveys made from space."""

from cpcs_desktop.datamodel.survey import QualityRule, ReferenceSurvey, StarFlag
from cpcs_desktop.surveys.declarations.columns import (
    GAIA_TAP,
    MAG_PER_RELATIVE_FLUX,
    VIZIER_TAP,
    bands,
    columns,
)

_VARIABLE = QualityRule(
    ("phot_variable_flag", "VarFlag"), StarFlag.VARIABLE, bad_values=frozenset({"VARIABLE"})
)


def _gaia_error(letter: str) -> str:
    return f"{MAG_PER_RELATIVE_FLUX}/phot_{letter}_mean_flux_over_error"


def _from_nanojansky(letter: str, zero_point: float) -> str:
    """Return the formulas of Gaia fluxes in nJy, as the reference tables of Rubin carry them.

    The zero point is 31.4 (AB) minus the difference of Gaia DR3's AB and Vega zero points
    (Riello et al. 2021, A&A 649, A3, and the DR3 documentation, section 5.4.1).
    """
    flux = f"phot_{letter}_mean_flux"
    return f"{zero_point}-2.5*log10({flux}[nJy]):{MAG_PER_RELATIVE_FLUX}*{flux}Err[nJy]/{flux}[nJy]"


GAIA = ReferenceSurvey(
    key="GAIA",
    name="Gaia",
    release="DR3",
    bands=bands("GAIA", "Vega", G=621.8, GBP=511.0, GRP=776.9),
    epoch=2016.0,
    has_proper_motion=True,
    bright_limit=4.0,
    faint_limit=20.0,
    floor_err=0.003,
    systematic_err=0.003,
    column_aliases=columns(
        {
            "G": f"phot_g_mean_mag:phot_g_mean_mag_error phot_g_mean_mag:{_gaia_error('g')} "
            f"{_from_nanojansky('g', 31.2864)} Gaia:dGaia MAG:MAGERR",
            "GBP": f"phot_bp_mean_mag:phot_bp_mean_mag_error phot_bp_mean_mag:{_gaia_error('bp')} "
            f"{_from_nanojansky('bp', 31.3845)} BPmag:e_BPmag BP:dBP",
            "GRP": f"phot_rp_mean_mag:phot_rp_mean_mag_error phot_rp_mean_mag:{_gaia_error('rp')} "
            f"{_from_nanojansky('rp', 31.0439)} RPmag:e_RPmag RP:dRP",
        },
        source_id=("source_id", "Source", "DR3Name"),
    ),
    quality_rules=(
        _VARIABLE,
        QualityRule(
            ("duplicated_source", "Dup"),
            StarFlag.POOR_QUALITY,
            bad_values=frozenset({"True", "true", "1"}),
        ),
    ),
    tap_url=GAIA_TAP,
    tap_table="gaiadr3.gaia_source",
    citation="Gaia Collaboration, Vallenari et al. 2023, A&A 674, A1 (Gaia DR3)",
    licence="CC BY-SA 3.0 IGO; acknowledge ESA/Gaia/DPAC",
)


def _synthetic(letter: str, system: str) -> str:
    name = f"{letter.lower()}_{system}"
    error = f"{MAG_PER_RELATIVE_FLUX}*{name}_flux_error/{name}_flux"
    return f"{name}_mag:{error}"


GAIASP = ReferenceSurvey(
    key="GAIASP",
    name="Gaia DR3 synthetic photometry (GSPC)",
    release="DR3",
    bands=(
        *bands("GAIASP", "AB", u=354.3, g=477.0, r=623.1, i=762.5, z=913.4),
        *bands("GAIASP", "Vega", U=360.0, B=436.1, V=544.8, R=640.7, I=798.0),
    ),
    epoch=2016.0,
    has_proper_motion=True,
    bright_limit=5.0,
    faint_limit=17.65,
    floor_err=0.005,
    systematic_err=0.005,
    # flux/error > 30 in the band, Montegriffo et al. 2023, section 5
    max_err=1.0857362 / 30.0,
    column_aliases=columns(
        {
            **{letter: _synthetic(letter, "sdss") for letter in "ugriz"},
            **{letter: _synthetic(letter, "jkc") for letter in "UBVRI"},
        },
        source_id=("source_id", "Source"),
    ),
    quality_rules=(
        _VARIABLE,
        QualityRule(("phot_g_mean_mag", "Gmag"), StarFlag.POOR_QUALITY, at_most=17.65),
    ),
    tap_url=GAIA_TAP,
    tap_table="gaiadr3.synthetic_photometry_gspc JOIN gaiadr3.gaia_source USING (source_id)",
    citation="Gaia Collaboration, Montegriffo et al. 2023, A&A 674, A33 (GSPC)",
    licence="CC BY-SA 3.0 IGO; acknowledge ESA/Gaia/DPAC",
)

TYCHO2 = ReferenceSurvey(
    key="TYCHO2",
    name="Tycho-2",
    release="2",
    bands=bands("TYCHO2", "Vega", BT=421.0, VT=525.8),
    epoch=2000.0,
    has_proper_motion=True,
    bright_limit=2.0,
    faint_limit=12.0,
    floor_err=0.05,
    systematic_err=0.02,
    column_aliases=columns(
        {"BT": "BTmag:e_BTmag", "VT": "VTmag:e_VTmag"},
        source_id=("TYC", "TYCID"),
        ra=("RAmdeg", "_RA.icrs", "RA(ICRS)"),
        dec=("DEmdeg", "_DE.icrs", "DE(ICRS)"),
    ),
    tap_url=VIZIER_TAP,
    tap_table="I/259/tyc2",
    citation="Hog et al. 2000, A&A 355, L27 (Tycho-2)",
    licence="free for use with acknowledgement of ESA/Hipparcos",
)

USER = ReferenceSurvey(
    key="USER",
    name="The observer's own comparison stars",
    release="observer",
    bands=(
        *bands("USER", "Vega", U=360.0, B=436.1, V=544.8, R=640.7, I=798.0),
        *bands("USER", "AB", u=354.3, g=477.0, r=623.1, i=762.5, z=913.4, y=961.3),
        *bands("USER", "Vega", J=1235.0, H=1662.0, K=2159.0),
    ),
    epoch=2000.0,
    has_proper_motion=True,
    bright_limit=-2.0,
    faint_limit=25.0,
    floor_err=0.02,
    systematic_err=0.02,
    column_aliases=columns(
        {
            **{letter: f"{letter}c:{letter}c_err" for letter in "RI"},
            **dict.fromkeys("UBVugrizyJHK", ""),
        },
        source_id=("auid", "AUID", "star"),
    ),
    citation="the observer's own stars: name their source yourself",
    licence="the observer's",
)
