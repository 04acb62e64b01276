"""Damage valid files in many ways: every case must end in a result or a clear error.

    python benchmarks/extract_fuzz.py [CASES] [FOLDER OF REAL FRAMES AND LISTS]

Bits are flipped, bytes cut off, blocks swapped, header cards rewritten. Each case runs under a time
limit and a memory limit; anything but an Exposure or a CpcsError is a failure and is kept.
"""

from __future__ import annotations

import faulthandler
import io
import multiprocessing
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import numpy as np

SECONDS, MEMORY = 30, 3 << 30
CARDS = (
    *("NAXIS", "NAXIS1", "NAXIS2", "BITPIX", "BZERO", "BSCALE", "BLANK", "DATE-OBS", "EXPTIME"),
    *("FILTER", "GAIN", "SATURATE", "CTYPE1", "CRVAL1", "CRPIX1", "CD1_1", "CDELT1", "A_ORDER"),
    *("EQUINOX", "RADESYS", "PCOUNT", "GCOUNT", "TFIELDS", "TFORM1", "ZCMPTYPE", "ZTILE1"),
    *("ZNAXIS1", "MJD-OBS", "RA", "DEC", "PV1_1", "A_2_0", "XTENSION", "EXTEND", "TIMESYS"),
)
VALUES = (
    *("0", "-1", "1", "2", "99999999", "-32", "7", "1E400", "NaN", "1.0E-300", "'x'", "''", "T"),
    *("'RA---TPV'", "'RA---XYZ'", "'2020-13-45'", "'99:99:99'", "'\x7f\x01'", "2147483647"),
)


def small_frames() -> dict[str, bytes]:
    """Valid files made here, so that the campaign runs anywhere."""
    from astropy.io import fits
    from astropy.table import Table

    rng = np.random.default_rng(1)
    yy, xx = np.mgrid[0:96, 0:128]
    pixels = rng.normal(1000, 8, (96, 128))
    for _ in range(25):
        x, y, height = rng.uniform(8, 88), rng.uniform(8, 88), 10 ** rng.uniform(2, 4)
        pixels += height * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * 1.7**2))
    header = fits.Header([("DATE-OBS", "2020-03-01T22:00:00"), ("EXPTIME", 60.0), ("FILTER", "V")])
    for name, value in (("CTYPE1", "RA---TAN-SIP"), ("CTYPE2", "DEC--TAN-SIP"), ("CRVAL1", 10.0)):
        header[name] = value
    for name, value in (("CRVAL2", 20.0), ("CRPIX1", 64.0), ("CRPIX2", 48.0), ("CD1_1", -2e-4)):
        header[name] = value
    for name, value in (("CD1_2", 0.0), ("CD2_1", 0.0), ("CD2_2", 2e-4), ("A_ORDER", 2)):
        header[name] = value
    for name, value in (("B_ORDER", 2), ("A_2_0", 1e-6), ("B_0_2", 1e-6), ("GAIN", 1.5)):
        header[name] = value
    files: dict[str, bytes] = {}

    def keep(name: str, hdus: object) -> None:
        stream = io.BytesIO()
        hdus.writeto(stream)  # type: ignore[attr-defined]
        files[name] = stream.getvalue()

    keep("float.fits", fits.PrimaryHDU(pixels.astype(np.float32), header))
    keep("uint16.fits", fits.PrimaryHDU(pixels.astype(np.uint16), header))
    for kind in ("RICE_1", "GZIP_2", "HCOMPRESS_1", "PLIO_1"):
        image = fits.CompImageHDU(pixels.astype(np.int16), header, compression_type=kind)
        keep(f"{kind}.fits", fits.HDUList([fits.PrimaryHDU(), image]))
    table = Table(
        rows=[(n, 10 + n / 100, 20.0, -9 + n / 10, 0.01, 0) for n in range(40)],
        names=("NUMBER", "ALPHA_J2000", "DELTA_J2000", "MAG_AUTO", "MAGERR_AUTO", "FLAGS"),
    )
    cards = header.tostring(sep="", endcard=True, padding=False)
    column = fits.Column("Field Header Card", f"{len(cards)}A", array=[cards])
    head = fits.BinTableHDU.from_columns([column], name="LDAC_IMHEAD")
    stars = fits.BinTableHDU(table, name="LDAC_OBJECTS")
    keep("ldac.fits", fits.HDUList([fits.PrimaryHDU(), head, stars]))
    names = "".join(f"# {n + 1:3d} {name}\n" for n, name in enumerate(table.colnames))
    rows = "".join(" ".join(map(str, row)) + "\n" for row in table)
    files["ascii.cat"] = (names + rows).encode()
    stars = "".join(
        f"{n:6d} {n + 9:8.3f} {n + 4:8.3f} 15.461 .0030 102.3 4. .8 -.03\n" for n in range(30)
    )
    files["allstar.als"] = f" NL    NX    NY\n  1  128    96\n\n{stars}".encode()
    heads = "#K IFILTER = V filter %-23s\n#\n#N ID    XCENTER   YCENTER   MAG         MERR    \n"
    heads += "#U ##    pixels    pixels    magnitudes  magnitudes\n"
    heads += "#F %-9d  %-10.3f   %-10.3f   %-12.3f     %-14.3f\n#\n"
    lines = "".join(f"{n:<9d}{n + 9:<10.3f}{n + 4:<10.3f}15.461      0.003\n" for n in range(30))
    files["iraf.als"] = (heads + lines).encode()
    for kind in ("votable", "ascii.ecsv", "ascii.csv"):
        with tempfile.NamedTemporaryFile() as file:
            table.write(file.name, format=kind, overwrite=True)
            files[f"list.{kind}"] = Path(file.name).read_bytes()
    import gzip

    files["float.fits.gz"] = gzip.compress(files["float.fits"])
    return files


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Damage a file in one or two of several ways."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2))):
        way = rng.randrange(7)
        if way == 0:
            for _ in range(rng.choice((1, 3, 30))):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif way == 1:
            for _ in range(rng.choice((1, 3, 10))):  # in the headers, where it hurts
                data[rng.randrange(min(len(data), 8640))] ^= 1 << rng.randrange(8)
        elif way == 2:
            data = data[: rng.randrange(len(data) + 1)] or bytearray(b"S")
        elif way in {3, 4}:
            _rewrite_card(data, rng)
        elif way == 5:
            start = rng.randrange(len(data))
            del data[start : start + rng.choice((1, 80, 2880))]
            data = data or bytearray(b"\x00")
        else:
            start = rng.randrange(len(data))
            data[start : start + 80] = rng.randbytes(80)
    return bytes(data)


def _rewrite_card(data: bytearray, rng: random.Random) -> None:
    keyword = rng.choice(CARDS)
    card = f"{keyword:8s}= {rng.choice(VALUES):>20s}".ljust(80)[:80].encode("latin-1")
    at = bytes(data).find(f"{keyword:8s}=".encode())
    place = at if at >= 0 else 80 * rng.randrange(1, max(2, min(len(data) // 80, 30)))
    data[place : place + 80] = card


def outcome(path: Path) -> str:
    """Open a file as the program does; return the kind of its end."""
    from cpcs_desktop.datamodel.errors import CpcsError
    from cpcs_desktop.extract import extract_sources
    from cpcs_desktop.io.sniff import input_kind
    from cpcs_desktop.io.source_lists import read_source_catalog

    try:
        if input_kind(path) == "frame":
            extract_sources(path)
        else:
            read_source_catalog(path)
    except CpcsError as error:
        if not error.message.endswith(".") or "\n" in error.message or len(error.message) > 300:
            return f"UNCLEAR: {error.message!r}"
        return error.code
    except Exception:  # noqa: BLE001
        return "CRASH: " + traceback.format_exc()
    return "result"


def _child(names: list[tuple[str, bytes]], seed: int, cases: int, pipe: object) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    faulthandler.enable()
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case"
        for _ in range(cases):
            name, content = rng.choice(names)
            case = damaged(content, rng)
            path.write_bytes(case)
            pipe.send(("case", name, case))  # type: ignore[attr-defined]
            signal.alarm(SECONDS)
            ending = outcome(path)
            signal.alarm(0)
            pipe.send(("end", ending, b""))  # type: ignore[attr-defined]


def campaign(
    files: dict[str, bytes], cases: int, seed: int = 1
) -> tuple[Counter[str], list[tuple]]:
    """Run cases in a child that may die; return endings and failures (name, ending, content)."""
    endings: Counter[str] = Counter()
    failures: list[tuple[str, str, bytes]] = []
    context = multiprocessing.get_context("spawn")
    done = 0
    while done < cases:
        here, there = context.Pipe(duplex=False)
        child = context.Process(
            target=_child, args=(list(files.items()), seed + done, cases - done, there)
        )
        child.start()
        there.close()
        current: tuple[str, bytes] | None = None
        while True:
            try:
                word, text, content = here.recv()
            except EOFError:
                break
            if word == "case":
                current = (text, content)
                continue
            done += 1
            kind = text.split(":")[0]
            endings[kind] += 1
            if kind in {"CRASH", "UNCLEAR"} and current is not None:
                failures.append((current[0], text, current[1]))
            current = None
        child.join()
        if current is not None:  # the child died of this case: a hang or a real crash
            done += 1
            endings["DIED"] += 1
            failures.append((current[0], f"DIED: exit code {child.exitcode}", current[1]))
    return endings, failures


def main() -> int:
    """Run the campaign and say how it ended."""
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    files = small_frames()
    if len(sys.argv) > 2:
        for path in sorted(Path(sys.argv[2]).rglob("*")):
            if path.is_file() and path.stat().st_size < 600_000 and path.suffix != ".md":
                files[path.name] = path.read_bytes()
    start = time.monotonic()
    endings, failures = campaign(files, cases)
    seconds = time.monotonic() - start
    print(
        f"{cases} cases from {len(files)} files in {seconds:.0f} s: {dict(endings.most_common())}"
    )
    for number, (name, ending, content) in enumerate(failures[:20]):
        kept = Path(tempfile.gettempdir()) / f"fuzz-failure-{number}-{name}"
        kept.write_bytes(content)
        print(f"--- {name} kept as {kept}\n{ending[-1500:]}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
