#!/usr/bin/env python3
"""Positives, their nearest neighbours, and how imbalanced-learn's SMOTE spreads new ones between
them, for tests/unit/learn/test_sampling.c.

Prints `points ROWS COLUMNS`, the points, `neighbours K`, one line of indices a point, then
`made COUNT`, and of the made rows the mean of each column and the mean of each product of two
columns. Regenerate with: python3 tests/reference/sampling.py > tests/reference/sampling.txt
(Debian: python3-sklearn, python3-imblearn)."""
import numpy as np
from imblearn.over_sampling import SMOTE
from sklearn.neighbors import NearestNeighbors

ROWS, COLUMNS, NEIGHBOURS, MADE = 60, 3, 5, 200000
rng = np.random.default_rng(40)
points = rng.normal(size=(ROWS, COLUMNS)).astype(np.float32) * np.float32([1, 3, 0.5])
points[30:, 0] += 4

print(f"points {ROWS} {COLUMNS}")
for point in points:
    print(" ".join("%.9g" % value for value in point))
finder = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(points.astype(np.float64))
print(f"neighbours {NEIGHBOURS}")
for row, nearest in enumerate(finder.kneighbors(return_distance=False)):
    print(" ".join(str(index) for index in nearest[:NEIGHBOURS]))

negatives = rng.normal(size=(MADE + ROWS, COLUMNS)) + 20
rows = np.vstack([points.astype(np.float64), negatives])
labels = np.array([1] * ROWS + [0] * len(negatives))
balanced, _ = SMOTE(k_neighbors=NEIGHBOURS, random_state=1).fit_resample(rows, labels)
made = balanced[len(rows):]
print(f"made {len(made)}")
print(" ".join("%.9g" % value for value in made.mean(axis=0)))
for i in range(COLUMNS):
    print(" ".join("%.9g" % value for value in (made[:, i:i + 1] * made).mean(axis=0)))
