"""Calibration over the pixels of all seeds."""

import numpy as np
import pandas as pd

from semiproto.report.figures import calibration


def test_calibration_pools_the_seeds(results_of):
    shown = results_of({"prototype": [60.0, 61.0]})
    bins = {"low": [0.0, 0.5, 0.0, 0.5], "pixels": [10, 30, 0, 10], "accuracy": [0.2, 0.8, np.nan, 0.4]}
    table = pd.DataFrame(bins | {"confidence": [0.4, 0.9, np.nan, 0.7], "variant": "prototype"})
    shown.tables["calibration"] = table
    left, right = calibration.draw(shown).axes
    np.testing.assert_allclose(left.lines[1].get_xydata(), [[40, 20], [85, 70]])  # (30 * 0.8 + 10 * 0.4) / 40 right
    precision, coverage = right.lines
    np.testing.assert_allclose(precision.get_xydata(), [[50, 70], [0, 60]])  # 28 of 40, then 30 of 50
    np.testing.assert_allclose(coverage.get_xydata(), [[50, 80], [0, 100]])
