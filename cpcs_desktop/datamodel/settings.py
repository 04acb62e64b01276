"""Settings that change a number; their digest goes into every point's provenance."""

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class ExtractionSettings:
    """SExtractor's defaults (command line contract, ``extract``); sizes in pixels.

    ``aperture_diameters_pix`` are diameters as in PHOT_APERTURES; empty means one aperture suited
    to the seeing.
    """

    threshold: float = 3.0
    min_area: int = 5
    back_size: int = 64
    back_filter_size: int = 3
    kron_factor: float = 2.5
    kron_min_radius: float = 3.5
    deblend_levels: int = 32
    deblend_contrast: float = 0.005
    clean: float = 1.0
    aperture_diameters_pix: tuple[float, ...] = ()


@dataclass(frozen=True)
class CalibrationSettings:
    """Quality parameters, with the defaults of the calibration contract; mag and arcsec."""

    max_instrumental_mag: float = 50.0
    max_mag_err: float = 1.0
    max_reference_err: float = 0.3
    min_stars: int = 5
    max_outlier_fraction: float = 0.5
    max_scatter: float = 1.5
    min_pairs_for_cleaning: int = 20
    generous_radius_arcsec: float = 5.0
    match_radius_arcsec: float | None = 2.0  # None: automatic, 2 sigma_radec but at least 1 arcsec
    limit_snr: float = 5.0


def settings_digest(*settings: ExtractionSettings | CalibrationSettings) -> str:
    """Return the first 16 hexadecimal digits of the settings' SHA-256."""
    text = json.dumps([asdict(s) for s in settings], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
