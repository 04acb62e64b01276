"""Run by test_survey_lsdb in an environment with lsdb: validate, and read cones."""

import json
import sys
import warnings

import lsdb
from hats.io.validation import is_valid_catalog

warnings.simplefilter("ignore")
for key, ra, dec, radius in json.loads(sys.argv[2]):
    folder = f"{sys.argv[1]}/{key}"
    valid = bool(is_valid_catalog(folder, strict=True, verbose=False))
    catalogue = lsdb.open_catalog(folder, columns=["source_id", "ra", "dec"])
    stars = catalogue.cone_search(ra=ra, dec=dec, radius_arcsec=radius * 3600.0).compute()
    ids = sorted(str(v) for v in stars["source_id"])
    sys.stdout.write(json.dumps({"survey": key, "valid": valid, "ids": ids}) + "\n")
