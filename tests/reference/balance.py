#!/usr/bin/env python3
"""How imbalanced-learn's SMOTE-NC, Borderline-SMOTE and ADASYN spread new rows over one table, for
tests/unit/learn/test_sampling_methods.c.

Prints `rows COUNT COLUMNS`, a line `label values` a row; then for each method `METHOD MADE`, and of
the made rows the mean of each column and the mean of each product of two columns. Columns 2 and 3
are nominal to smote_nc. Regenerate with: python3 tests/reference/balance.py > tests/reference/balance.txt
(Debian: python3-sklearn, python3-imblearn)."""
import warnings

import numpy as np
from imblearn.over_sampling import ADASYN, SMOTENC, BorderlineSMOTE

warnings.simplefilter("ignore")  # more positives than negatives are what is asked for
POSITIVES, NEGATIVES, MADE = 60, 140, 200000


class PaperSMOTENC(SMOTENC):
    """Release 0.10 halves the corner of a nominal value, so that two values that differ add Med^2/2
    to the squared distance; the paper, and releases from 0.11 on, add Med^2."""

    @property
    def median_std_(self):
        return self._median * self._factor

    @median_std_.setter
    def median_std_(self, value):
        import imblearn
        release = tuple(int(part) for part in imblearn.__version__.split(".")[:2])
        self._median, self._factor = value, np.sqrt(2) if release < (0, 11) else 1


rng = np.random.default_rng(41)
rows = rng.normal(size=(POSITIVES + NEGATIVES, 4)) * [1, 3, 1, 1]
labels = np.array([1] * POSITIVES + [0] * NEGATIVES)
rows[:POSITIVES, 0] += 1.5
rows[:, 2] = rows[:, 2] + rows[:, 0] > 0.5
rows[:, 3] = rows[:, 3] > 0.8
rows = rows.astype(np.float32).astype(np.float64)

print(f"rows {len(rows)} {rows.shape[1]}")
for label, row in zip(labels, rows):
    print(label, " ".join("%.9g" % value for value in row))
wanted = {1: POSITIVES + MADE}
methods = {
    "smote_nc": PaperSMOTENC(categorical_features=[2, 3], sampling_strategy=wanted, random_state=1),
    "borderline_smote": BorderlineSMOTE(kind="borderline-1", sampling_strategy=wanted, random_state=1),
    "adasyn": ADASYN(sampling_strategy=wanted, random_state=1),
}
for name, method in methods.items():
    made = method.fit_resample(rows, labels)[0][len(rows):]
    print(name, len(made))
    print(" ".join("%.9g" % value for value in made.mean(axis=0)))
    for i in range(rows.shape[1]):
        print(" ".join("%.9g" % value for value in (made[:, i:i + 1] * made).mean(axis=0)))
