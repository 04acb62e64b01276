"""Declarations of the surveys made from the ground."""

from cpcs_desktop.datamodel.survey import QualityRule, ReferenceSurvey, StarFlag
from cpcs_desktop.surveys.declarations.columns import VIZIER_TAP, bands, columns

SDSS = ReferenceSurvey(
    key="SDSS",
    name="Sloan Digital Sky Survey",
    release="DR16",
    bands=bands("SDSS", "AB", u=354.3, g=477.0, r=623.1, i=762.5, z=913.4),
    derived_bands=bands("SDSS", "Vega", B=436.1, V=544.8, R=640.7, I=798.0),
    epoch=2005.0,
    bright_limit=14.0,
    faint_limit=21.5,
    floor_err=0.01,
    systematic_err=0.01,
    column_aliases=columns(
        {
            "u": "psfMag_u:psfMagErr_u upmag:e_upmag",
            "g": "psfMag_g:psfMagErr_g gpmag:e_gpmag",
            "r": "psfMag_r:psfMagErr_r rpmag:e_rpmag",
            "i": "psfMag_i:psfMagErr_i ipmag:e_ipmag",
            "z": "psfMag_z:psfMagErr_z zpmag:e_zpmag",
        },
        source_id=("objID", "objid"),
    ),
    quality_rules=(
        QualityRule(("class", "cl", "type"), StarFlag.POOR_QUALITY, bad_values=frozenset({"3"})),
        QualityRule(("Q",), StarFlag.POOR_QUALITY, bad_values=frozenset({"1"})),
        QualityRule(("mode",), StarFlag.POOR_QUALITY, at_most=1),
    ),
    tap_url=VIZIER_TAP,
    tap_table="V/154/sdss16",
    citation="Ahumada et al. 2020, ApJS 249, 3 (SDSS DR16)",
    licence="SDSS data are in the public domain; acknowledge the survey",
)

APASS = ReferenceSurvey(
    key="APASS",
    name="AAVSO Photometric All-Sky Survey",
    release="DR9",
    bands=(
        *bands("APASS", "Vega", B=436.1, V=544.8),
        *bands("APASS", "AB", g=477.0, r=623.1, i=762.5),
    ),
    epoch=2012.0,
    bright_limit=7.0,
    faint_limit=18.0,
    floor_err=0.02,
    systematic_err=0.02,
    column_aliases=columns(
        {
            "B": "Johnson_B:Johnson_B_err Bmag:Berr",
            "V": "Johnson_V:Johnson_V_err Vmag:Verr",
            "g": "g'mag:e_g'mag g_mag:e_g_mag gpmag:e_gpmag Sloan_g:SGerr",
            "r": "r'mag:e_r'mag r_mag:e_r_mag rpmag:e_rpmag Sloan_r:SRerr",
            "i": "i'mag:e_i'mag i_mag:e_i_mag ipmag:e_ipmag Sloan_i:SIerr",
        },
        source_id=("recno", "recid"),
    ),
    tap_url=VIZIER_TAP,
    tap_table="II/336/apass9",
    citation="Henden et al. 2016, VizieR II/336 (APASS DR9)",
    licence="free for use with acknowledgement of the AAVSO",
)

VSTATLAS = ReferenceSurvey(
    key="VSTATLAS",
    name="VST ATLAS",
    release="DR3",
    bands=bands("VSTATLAS", "AB", u=358.0, g=473.0, r=629.0, i=754.0, z=879.0),
    epoch=2013.0,
    bright_limit=14.0,
    faint_limit=21.0,
    floor_err=0.01,
    systematic_err=0.02,
    column_aliases=columns(
        {
            "u": "Uap3:e_Uap3 uAperMag3:uAperMag3Err",
            "g": "Gap3:e_Gap3 gAperMag3:gAperMag3Err",
            "r": "Rap3:e_Rap3 rAperMag3:rAperMag3Err",
            "i": "Iap3:e_Iap3 iAperMag3:iAperMag3Err",
            "z": "Zap3:e_Zap3 zAperMag3:zAperMag3Err",
        },
        source_id=("sourceID", "SrcID"),
    ),
    quality_rules=(
        QualityRule(
            ("mergedClass", "cl", "class"), StarFlag.POOR_QUALITY, bad_values=frozenset({"0", "1"})
        ),
    ),
    tap_url=VIZIER_TAP,
    tap_table="II/350/vstatlas",
    citation="Shanks et al. 2015, MNRAS 451, 4238 (VST ATLAS)",
    licence="ESO public survey; acknowledge ESO programme 177.A-3011",
)

OGLE3 = ReferenceSurvey(
    key="OGLE3",
    name="OGLE-III photometric maps",
    release="III",
    bands=bands("OGLE3", "Vega", V=541.0, I=798.0),
    epoch=2000.0,
    bright_limit=12.5,
    faint_limit=20.5,
    floor_err=0.01,
    systematic_err=0.02,
    column_aliases=columns(
        {"V": "<Vmag>:s_Vmag", "I": "<Imag>:s_Imag"}, source_id=("ID", "OGLE", "Star")
    ),
    citation="Szymanski et al. 2011, Acta Astron. 61, 83; Udalski et al. 2008, Acta Astron. 58, 69",
    licence="free for use with citation of the OGLE papers",
)

USNO = ReferenceSurvey(
    key="USNO",
    name="USNO-B1.0",
    release="B1.0",
    bands=bands("USNO", "plate", B1pg=410.0, R1pg=645.0, B2pg=460.0, R2pg=650.0, Ipg=810.0),
    epoch=2000.0,
    has_proper_motion=True,
    bright_limit=12.0,
    faint_limit=20.0,
    floor_err=0.25,
    systematic_err=0.2,
    photographic=True,
    column_aliases=columns(
        {
            "B1pg": "B1mag b1mag B1",
            "R1pg": "R1mag r1mag R1",
            "B2pg": "B2mag b2mag B2",
            "R2pg": "R2mag r2mag R2",
            "Ipg": "Imag imag I",
        },
        source_id=("USNO-B1.0", "PPMXL", "ipix"),
    ),
    tap_url=VIZIER_TAP,
    tap_table="I/284/out",
    citation="Monet et al. 2003, AJ 125, 984 (USNO-B1.0)",
    licence="free for use with citation",
)

PS1 = ReferenceSurvey(
    key="PS1",
    name="Pan-STARRS1 3pi survey",
    release="DR1",
    bands=bands("PS1", "AB", g=481.1, r=615.6, i=750.4, z=866.9, y=961.3),
    epoch=2012.5,
    bright_limit=14.0,
    faint_limit=21.5,
    floor_err=0.005,
    systematic_err=0.007,
    column_aliases=columns(
        {
            "g": "gMeanPSFMag:gMeanPSFMagErr gmag:e_gmag",
            "r": "rMeanPSFMag:rMeanPSFMagErr rmag:e_rmag",
            "i": "iMeanPSFMag:iMeanPSFMagErr imag:e_imag",
            "z": "zMeanPSFMag:zMeanPSFMagErr zmag:e_zmag",
            "y": "yMeanPSFMag:yMeanPSFMagErr ymag:e_ymag",
        },
        source_id=("objID", "objid"),
        ra=("raMean", "RaMean"),
        dec=("decMean", "DecMean"),
    ),
    quality_rules=(
        # 1: extended in PS1; 64: poor-quality stack object (Flewelling et al. 2020, table 13).
        QualityRule(("Qual", "qualityFlag"), StarFlag.POOR_QUALITY, bad_bits=1 | 64),
    ),
    tap_url=VIZIER_TAP,
    tap_table="II/349/ps1",
    citation="Chambers et al. 2016, arXiv:1612.05560 (Pan-STARRS1)",
    licence="public archive at MAST; acknowledge the PS1 surveys",
)

TWOMASS = ReferenceSurvey(
    key="2MASS",
    name="Two Micron All Sky Survey, point sources",
    release="PSC",
    bands=bands("2MASS", "Vega", J=1235.0, H=1662.0, K=2159.0),
    epoch=1999.5,
    bright_limit=4.0,
    faint_limit=16.0,
    floor_err=0.02,
    systematic_err=0.015,
    column_aliases=columns(
        {
            "J": "j_m:j_msigcom jmag:e_jmag",
            "H": "h_m:h_msigcom hmag:e_hmag",
            "K": "k_m:k_msigcom Ksmag:e_Ksmag kmag:e_kmag",
        },
        source_id=("2MASS", "_2MASS", "designation"),
    ),
    quality_rules=(
        # Per band: X no brightness, U upper limit, F no error could be given.
        QualityRule(
            ("Qflg", "ph_qual"),
            StarFlag.POOR_QUALITY,
            bad_values=frozenset("XUF"),
            letters=("J", "H", "K"),
        ),
    ),
    tap_url=VIZIER_TAP,
    tap_table="II/246/out",
    citation="Skrutskie et al. 2006, AJ 131, 1163 (2MASS)",
    licence="public domain; acknowledge 2MASS (University of Massachusetts and IPAC)",
)

SKYMAPPER = ReferenceSurvey(
    key="SKYMAPPER",
    name="SkyMapper Southern Survey",
    release="DR4",
    bands=bands("SKYMAPPER", "AB", u=349.3, v=383.6, g=507.5, r=613.8, i=776.8, z=914.6),
    epoch=2016.0,
    bright_limit=9.0,
    faint_limit=19.5,
    floor_err=0.01,
    systematic_err=0.02,
    column_aliases=columns(
        {
            "u": "u_psf:e_u_psf uPSF:e_uPSF",
            "v": "v_psf:e_v_psf vPSF:e_vPSF",
            "g": "g_psf:e_g_psf gPSF:e_gPSF",
            "r": "r_psf:e_r_psf rPSF:e_rPSF",
            "i": "i_psf:e_i_psf iPSF:e_iPSF",
            "z": "z_psf:e_z_psf zPSF:e_zPSF",
        },
        source_id=("object_id", "ObjectId", "SMSS"),
        ra=("raj2000",),
        dec=("dej2000",),
    ),
    quality_rules=(
        # Bits as SExtractor's: 4 saturated, 8 truncated, 16 and up corrupted apertures.
        QualityRule(("flags",), StarFlag.POOR_QUALITY, bad_bits=0xFFFC),
    ),
    tap_url=VIZIER_TAP,
    tap_table="II/379/smssdr4",
    citation="Onken et al. 2024, PASA 41, e061 (SkyMapper DR4)",
    licence="CC BY 4.0",
)

REFCAT2 = ReferenceSurvey(
    key="REFCAT2",
    name="ATLAS All-Sky Stellar Reference Catalog",
    release="2",
    bands=bands("REFCAT2", "AB", g=481.1, r=615.6, i=750.4, z=866.9),
    epoch=2015.5,
    has_proper_motion=True,
    bright_limit=6.0,
    faint_limit=19.0,
    floor_err=0.005,
    systematic_err=0.005,
    column_aliases=columns({"g": "", "r": "", "i": "", "z": ""}, source_id=("objID", "objid")),
    quality_rules=(
        QualityRule(("dupvar",), StarFlag.VARIABLE, bad_values=frozenset({"1", "5"})),
        QualityRule(("dupvar",), StarFlag.BLENDED, bad_bits=4),
    ),
    tap_url=VIZIER_TAP,
    tap_table="J/ApJ/867/105/refcat2",
    citation="Tonry et al. 2018, ApJ 867, 105 (ATLAS-REFCAT2)",
    licence="public archive at MAST; cite the paper and doi:10.17909/t9-2p3r-7651",
)
