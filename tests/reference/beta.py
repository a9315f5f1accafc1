#!/usr/bin/env python3
"""Beta distributions as scipy sees them, for tests/unit/learn/test_beta.c.

Prints `cdf A B X I_x(A, B)`, `quantile A B CHANCE X` and `best COUNT (A B SCALE CHANCE)...`, the
chance that SCALE x rate is the highest of all. Regenerate with:
python3 tests/reference/beta.py > tests/reference/beta.txt (Debian: python3-scipy)."""
import numpy as np
from scipy import stats

shapes = [(1, 1), (0.5, 0.5), (0.1, 0.9), (2, 3), (0.7, 30), (5, 95), (10, 10), (30, 7), (3, 400),
          (200, 300), (1.5, 2000), (5000, 95000), (60000, 400)]
for a, b in shapes:
    mean, spread = a / (a + b), np.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
    for x in (mean - 2 * spread, mean - spread / 2, mean, mean + spread, mean + 3 * spread):
        if 0 < x < 1:
            print("cdf %.17g %.17g %.17g %.17g" % (a, b, x, stats.beta.cdf(x, a, b)))
    for chance in (0.001, 0.025, 0.25, 0.5, 0.9, 0.975, 0.9999):
        print("quantile %.17g %.17g %.17g %.17g" % (a, b, chance, stats.beta.ppf(chance, a, b)))

def best(arms):
    levels = (np.arange(200000) + 0.5) / 200000
    print("best", len(arms), end="")
    for i, (a, b, s) in enumerate(arms):
        x, product = s * stats.beta.ppf(levels, a, b), np.ones(len(levels))
        for j, (c, d, t) in enumerate(arms):
            if j != i:
                product *= stats.beta.cdf(x / t, c, d)
        print(" %.17g %.17g %.17g %.9f" % (a, b, s, product.mean()), end="")
    print()

best([(1, 1, 1)])
best([(1, 1, 1), (1, 1, 1), (1, 1, 1)])
best([(2, 18, 1), (3, 17, 1), (1, 19, 1), (10, 90, 1), (0.2, 9.8, 1)])
best([(50, 950, 1), (60, 940, 1), (0.5, 9.5, 1)])
best([(5000, 95000, 1), (5050, 94950, 1), (4900, 95100, 1)])
best([(2, 18, 1), (4, 16, 0.5), (1, 9, 2)])
best([(90, 10, 1), (9, 1, 1), (0.9, 0.1, 1), (85, 15, 1.02)])
best([(1 + i % 4, 20 + 7 * i, 1 + 0.1 * (i % 3)) for i in range(15)])
best([(0.1, 9.9, 1), (0.1, 9.9, 1), (0.3, 29.7, 1), (1, 999, 5)])
