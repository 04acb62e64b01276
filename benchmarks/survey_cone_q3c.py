"""Cones of the survey cache beside Q3C on PostgreSQL: the same rows, the same cones, one run.

    python benchmarks/survey_cone_q3c.py [--q3c] [--tenfold] [--stars 5000000] [--work FOLDER]

``--q3c`` starts a PostgreSQL of its own, which needs q3c (Debian: postgresql-15-q3c). Fifty million
rows take two minutes to write and 3 GB. Prints one JSON object and ends with 1 on a missed limit.
No cone is asked for twice, by either of them.
Limits: the ratio to Q3C is at most 1.0 at 0.35 degrees and at most 2.0 at 0.1; ten times the rows
at the same density cost at most 1.2 times as much; memory stays bounded by the cone.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.catalogue import add_stars
from cpcs_desktop.surveys.partition import Pixel
from cpcs_desktop.surveys.registry import survey
from cpcs_desktop.surveys.star_table import StarTable, healpix_29
from tests.serving import postgres_cluster, postgres_programs

PER_PIXEL = 1_063_829  # stars in 215 square degrees, in a sky of any size
#: Radius in degrees -> largest ratio to Q3C.
LIMITS = {0.1: 2.0, 0.35: 1.0}
TENFOLD_LIMIT = 1.2


def sky_pixels(stars: int) -> list[Pixel]:
    """Return order-2 pixels from the south pole up that hold about so many stars."""
    n = max(1, round(stars / PER_PIXEL))
    return [Pixel(2, 32 * 4 + k) for k in range(min(n, 64))][:n] + [
        Pixel(2, k) for k in range(max(0, n - 64))
    ]


def stars_of(pixel: Pixel, per_pixel: int) -> StarTable:
    """Scatter stars evenly over one pixel; the same ones each time."""
    from cdshealpix.nested import healpix_to_lonlat

    rng = np.random.default_rng(pixel.number + 1)
    cells = np.unique(rng.integers(pixel.start, pixel.end, per_pixel))
    lon, lat = healpix_to_lonlat(cells, 29)
    ra, dec = lon.deg, lat.deg
    n = len(ra)
    return StarTable(
        healpix_29=healpix_29(ra, dec),
        source_id=cells,
        ra=ra,
        dec=dec,
        pmra=rng.normal(0, 10, n).astype(np.float32),
        pmdec=rng.normal(0, 10, n).astype(np.float32),
        mag=rng.uniform(10, 20, (n, 3)).astype(np.float32),
        mag_err=rng.uniform(0.001, 0.1, (n, 3)).astype(np.float32),
        flags=np.zeros(n, np.int32),
    )


def build(folder: Path, stars: int) -> SurveyCache:
    """Write a cache with about so many stars."""
    pixels = sky_pixels(stars)
    for k, pixel in enumerate(pixels):
        table = stars_of(pixel, PER_PIXEL)
        add_stars(folder / "GAIA", survey("GAIA"), table, pixel.coverage, [("made", len(table))])
        print(f"cache: {k + 1} of {len(pixels)}", file=sys.stderr, end="\r")
    return SurveyCache(folder)


def cones(stars: int, n: int, seed: int) -> Iterator[tuple[float, float]]:
    """Return random positions on stars of the sky that has so many stars."""
    rng = np.random.default_rng(seed)
    pixels = sky_pixels(stars)
    for _ in range(n):
        star = stars_of(pixels[int(rng.integers(len(pixels)))], 50)
        k = int(rng.integers(len(star)))
        yield float(star.ra[k]), float(star.dec[k])


def median_ms(
    ask: Callable[[float, float, float], int], places: list[tuple[float, float]], radius: float
) -> tuple[float, int]:
    """Return the median time of a cone and the stars of all of them."""
    times, found = [], 0
    for ra, dec in places:
        begin = time.perf_counter()
        found += ask(ra, dec, radius)
        times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times), found


def postgres(database: str, stars: int) -> Callable[[float, float, float], int]:
    """Load the same stars into PostgreSQL with a Q3C index; return a cone query."""
    import psycopg

    connection = psycopg.connect(database, autocommit=True)
    columns = "source_id int8, ra float8, dec float8, pmra float4, pmdec float4, " + ", ".join(
        f"{b}_mag float4, {b}_mag_err float4" for b in ("g", "gbp", "grp")
    )
    connection.execute("CREATE EXTENSION IF NOT EXISTS q3c")
    connection.execute("DROP TABLE IF EXISTS stars")
    connection.execute(f"CREATE UNLOGGED TABLE stars ({columns}, flags int4)")
    pixels = sky_pixels(stars)
    types = ["int8", "float8", "float8", *["float4"] * 8, "int4"]
    for k, pixel in enumerate(pixels):
        t = stars_of(pixel, PER_PIXEL)
        values = [t.source_id, t.ra, t.dec, t.pmra, t.pmdec]
        for band in range(3):
            values += [t.mag[:, band], t.mag_err[:, band]]
        rows = zip(*(v.tolist() for v in [*values, t.flags]), strict=True)
        with connection.cursor().copy("COPY stars FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
        print(f"PostgreSQL: {k + 1} of {len(pixels)}", file=sys.stderr, end="\r")
    connection.execute("CREATE INDEX stars_q3c ON stars (q3c_ang2ipix(ra, dec))")
    connection.execute("CLUSTER stars USING stars_q3c")
    connection.execute("VACUUM ANALYZE stars")

    def ask(ra: float, dec: float, radius: float) -> int:
        query = "SELECT * FROM stars WHERE q3c_radial_query(ra, dec, %s, %s, %s)"
        rows = connection.execute(query, (ra, dec, radius), binary=True).fetchall()
        return len(rows)

    return ask


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--q3c", action="store_true", help="measure PostgreSQL, too")
    parser.add_argument("--stars", type=int, default=5_000_000)
    parser.add_argument("--cones", type=int, default=101)
    parser.add_argument("--tenfold", action="store_true", help="also ten times the rows")
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    work = options.work or Path(tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    result: dict[str, object] = {"stars": options.stars}
    sizes = [options.stars, *([10 * options.stars] if options.tenfold else [])]
    caches = {}
    for size in sizes:
        folder = work / str(size)
        caches[size] = SurveyCache(folder) if folder.exists() else build(folder, size)
    stack = ExitStack()
    q3c = None
    if options.q3c:
        programs = postgres_programs()
        if programs is None:
            parser.error("PostgreSQL is not installed")
        address = stack.enter_context(postgres_cluster(programs))
        q3c = postgres(f"{address}/postgres", options.stars)
    missed = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number, (radius, limit) in enumerate(LIMITS.items()):
        # the smaller sky is part of the larger one: the same cones
        seeds = (2 * number + 1, 2 * number + 2)
        warm, places = (list(cones(options.stars, options.cones, seed)) for seed in seeds)
        line: dict[str, float] = {}
        for name, ask in {
            **({"q3c": q3c} if q3c else {}),
            **{
                f"ours_{size}": lambda ra, dec, r, c=c: len(c.reference_stars("GAIA", ra, dec, r))
                for size, c in caches.items()
            },
        }.items():
            median_ms(ask, warm[:20], radius)
            line[f"{name}_ms"], line[f"{name}_found"] = median_ms(ask, places, radius)
        if q3c:
            line["ratio_to_q3c"] = line[f"ours_{options.stars}_ms"] / line["q3c_ms"]
            missed += line["ratio_to_q3c"] > limit
        if options.tenfold:
            line["ratio_tenfold"] = line[f"ours_{sizes[1]}_ms"] / line[f"ours_{sizes[0]}_ms"]
            missed += line["ratio_tenfold"] > TENFOLD_LIMIT
        result[f"radius_{radius}"] = line
    result["peak_growth_mb"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    result["missed_limits"] = missed
    print(json.dumps(result, indent=1))
    stack.close()
    if options.work is None:
        shutil.rmtree(work)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
