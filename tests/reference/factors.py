#!/usr/bin/env python3
"""Implicit ALS by numpy's dense solvers, for tests/unit/learn/test_factors.c.

Prints `rows ROWS COLUMNS RANK EPOCHS ALPHA LAMBDA`, a 0/1 line a row, `start` with the columns that
ALS begins with, `columns` with what they are after the epochs, `noise`, `mean`, `covariance`, and
`fold` with a row's vector that is folded in with answers of several confidences: zero prior and
population prior. Regenerate with:
python3 tests/reference/factors.py > tests/reference/factors.txt (Debian: python3-numpy)."""
import numpy as np

ROWS, COLUMNS, RANK, EPOCHS, ALPHA, LAMBDA = 40, 9, 3, 6, 8.0, 0.7
rng = np.random.default_rng(5)
have = (rng.uniform(size=(ROWS, COLUMNS)) < np.linspace(0.1, 0.6, COLUMNS)).astype(float)
have[3] = 1
have[4] = 0
have[:, 0] = 0
have[7] = have[8]


def solve(fixed, preference, confidence, precision, rhs):
    weighted = fixed * confidence[:, None]
    return np.linalg.solve(fixed.T @ weighted + precision, weighted.T @ preference + rhs)


def line(values):
    print(" ".join("%.15g" % v for v in np.ravel(values)))


y = rng.normal(size=(COLUMNS, RANK)) * 0.3
print("rows", ROWS, COLUMNS, RANK, EPOCHS, ALPHA, LAMBDA)
for row in have:
    print(" ".join(str(int(v)) for v in row))
print("start")
line(y)
confidence = 1 + ALPHA * have
ridge, nothing = LAMBDA * np.eye(RANK), np.zeros(RANK)
rows = lambda: np.array([solve(y, have[i], confidence[i], ridge, nothing) for i in range(ROWS)])
for _ in range(EPOCHS):
    x = rows()
    y = np.array([solve(x, have[:, j], confidence[:, j], ridge, nothing) for j in range(COLUMNS)])
x = rows()
noise = (confidence * (have - x @ y.T) ** 2).mean()
mean, covariance = x.mean(axis=0), np.cov(x.T, bias=True)
print("columns")
line(y)
print("noise")
line([noise])
print("mean")
line(mean)
print("covariance")
line(covariance)
# Yes to 5 and 2, a firm no to 7; of the others nothing is known, or half a no.
preference, known = np.zeros(COLUMNS), np.zeros(COLUMNS)
preference[[5, 2]], known[[5, 2, 7]] = 1, [4.0, 9.0, 6.0]
print("fold")
line(solve(y, preference, known, ridge, nothing))
known[known == 0] = 0.5
regular = covariance + (1e-6 * np.trace(covariance) / RANK + 1e-12) * np.eye(RANK)
precision = noise * np.linalg.inv(regular)
line(solve(y, preference, known, precision, precision @ mean))
