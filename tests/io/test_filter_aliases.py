"""Filter texts of real headers, and what may be guessed from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpcs_desktop.datamodel.band import passband_group
from cpcs_desktop.io.filter_aliases import filter_letters

KNOWN = {
    "V": ("V",),
    "v": ("V",),
    "Johnson V": ("V",),
    "JohnsonV": ("V",),
    "Bessell_V": ("V",),
    "Bessell-R": ("R",),
    "V_HIGH": ("V",),
    "R_SPECIAL": ("R",),
    "I_BESS_1": ("I",),
    "b": ("B",),
    "rp": ("r",),
    "gp": ("g",),
    "ip": ("i",),
    "up": ("u",),
    "zs": ("z",),
    "SDSS-r'": ("r",),
    "SDSSg+": ("g",),
    "sdssi": ("i",),
    "sloan r": ("r",),
    "Sloan R": ("r",),
    "r'": ("r",),
    "R": ("R",),
    "Rc": ("R",),
    "Ic": ("I",),
    "r": ("r",),
    "I": ("I",),
    "i": ("i",),
    "Z": ("z",),
    "Y": ("y",),
    "H": ("H",),
    "Ks": ("K",),
    "r DECam SDSS c0002 6415.0 1480.0": ("r",),
    "z DECam SDSS c0004 9260.0 1520.0": ("z",),
    "zd DECam k1038": ("z",),
    "bokr": ("r",),
    "r.MP9601": ("r",),
    "g.00000": ("g",),
    "W-J-V": ("V",),
    "W-C-RC": ("R",),
    "W-S-I+": ("i",),
    "HSC-R2": ("r",),
    "Clear": ("G",),
    "C": ("G",),
    "L": ("G",),
    "Luminance": ("G",),
    "w": ("G",),
    "No filter": ("G",),
    "TG": ("V",),
    "Green": ("V",),
    "SR": ("r",),
    "G": ("g", "V", "G"),
    "g'": ("g",),
    "SkyMapper v": ("v",),
    "GAIA G": ("G",),
    "Halpha": (),
    "Ha": (),
    "H-alpha": (),
    "OIII": (),
    "NB_2.25": (),
    "48": (),
    "RGGB": (),
    "": (),
    None: (),
}


@pytest.mark.parametrize(("text", "letters"), KNOWN.items())
def test_texts_of_real_headers(text: str | None, letters: tuple[str, ...]) -> None:
    assert filter_letters(text) == letters


@given(st.text(max_size=40))
def test_any_text_gives_known_letters_or_none(text: str) -> None:
    assert all(passband_group(letter) is not None for letter in filter_letters(text))
