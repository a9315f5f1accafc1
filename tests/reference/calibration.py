#!/usr/bin/env python3
"""Rows and the maps that scikit-learn fits to them, for tests/unit/learn/test_calibration.c.

Prints cases: `case KIND ROWS`, then `margin label weight` a row, then `expect MARGIN PROBABILITY`
lines and `end`. For isotonic the points are the blocks' mean margins and the values the blocks'
shares, where both are off 0 and 1. Regenerate with:
python3 tests/reference/calibration.py > tests/reference/calibration.txt (Debian: python3-sklearn)."""
import numpy as np
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression

rng = np.random.default_rng(30)


def rows_of(kind, margins, labels, weights):
    print(f"case {kind} {len(margins)}")
    for row in zip(margins, labels, weights):
        print("%.17g %d %.17g" % row)


def platt(rows, rate):
    labels = (rng.random(rows) < rate).astype(int)
    margins = rng.normal(size=rows) * 1.5 + 2 * labels - 2
    rows_of("platt", margins, labels, np.ones(rows))
    fitted = _SigmoidCalibration().fit(margins, labels)
    for margin in np.linspace(-6, 4, 11):
        print("expect %.17g %.17g" % (margin, fitted.predict(np.array([margin]))[0]))
    print("end")


def isotonic(rows, weighted):
    margins = np.round(rng.normal(size=rows) * 2, 1)
    labels = (rng.random(rows) < 1 / (1 + np.exp(-margins))).astype(int)
    weights = np.round(rng.random(rows) + 0.5, 2) if weighted else np.ones(rows)
    rows_of("isotonic", margins, labels, weights)
    fitted = IsotonicRegression().fit(margins, labels, sample_weight=weights).predict(margins)
    for value in np.unique(fitted):
        inside = fitted == value
        if value < 0.02 or value > 0.98:
            continue
        mean = np.average(margins[inside], weights=weights[inside])
        print("expect %.17g %.17g" % (mean, value))
    print("end")


platt(60, 0.3)
platt(300, 0.05)
isotonic(500, False)
isotonic(500, True)
