#!/usr/bin/env python3
"""What scipy says of 2 x 2 tables, for tests/unit/learn/test_significance.c.

Prints lines `fisher both first second neither two greater less`, `sign wins losses p`,
`chi value p`; then `strata COUNT` with its tables, and the pooled log odds ratio, its variance and
the p of the chi-square (where `both` varies by less
than 25: of the exact sum) by the formulas of Mantel and Haenszel (1959) and Robins, Breslow, Greenland (1986)
on numpy arrays; then `adjust COUNT`, p-values and their Benjamini-Hochberg q by definition. All p
and q are natural logarithms. Regenerate with:
python3 tests/reference/relations.py > tests/reference/relations.txt (Debian: python3-scipy)."""
import numpy as np
from scipy import stats

rng = np.random.default_rng(7)
np.seterr(divide="ignore")
tables = [(0, 0, 0, 5), (3, 1, 1, 3), (0, 10, 12, 2), (5, 0, 0, 5), (1, 9, 11, 3), (7, 12, 0, 5),
          (40, 60, 400, 1500), (12, 300, 900, 20000), (1, 0, 0, 0), (2, 2, 2, 2),
          (30, 1970, 9000, 589000)]
tables += [tuple(int(v) for v in rng.integers(0, top, 4)) for top in (3, 6, 20, 60, 200) for _ in range(8)]
for t in tables:
    if sum(t) == 0:
        continue
    table = [[t[0], t[1]], [t[2], t[3]]]
    p = [stats.fisher_exact(table, alternative=a)[1] for a in ("two-sided", "greater", "less")]
    print("fisher", *t, *("%.12g" % np.log(v) for v in p))
for wins, losses in [(0, 0), (1, 0), (5, 5), (3, 9), (60, 40), (0, 30), (700, 500), (5000, 5200), (1, 400)]:
    p = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1
    print("sign", wins, losses, "%.12g" % np.log(p))
for value in (0, 0.1, 1, 3.841458820694124, 25, 300, 799, 801, 1200, 20000):
    print("chi", value, "%.12g" % stats.chi2.logsf(value, 1) if value < 1000 else
          "%.12g" % (np.log(2) + stats.norm.logsf(np.sqrt(value))))
for kind in range(9):
    count = 3 + kind
    strata = rng.integers(0, 8 if kind < 3 else 90, (count, 4)).astype(float)
    strata[:, 3] *= 5
    if kind > 5:  # rare events among many
        strata[:, 0] = rng.integers(0, 3, count)
        strata[:, 3] *= 200
    a, b, c, d = strata.T
    n = strata.sum(axis=1)
    r, s, p, q = a * d / n, b * c / n, (a + d) / n, (b + c) / n
    R, S = r.sum(), s.sum()
    variance = (p * r).sum() / (2 * R * R) + (p * s + q * r).sum() / (2 * R * S) + (q * s).sum() / (2 * S * S)
    expected = (a + b) * (a + c) / n
    spread = (a + b) * (c + d) * (a + c) * (b + d) / (n * n * (n - 1))
    log_p = stats.chi2.logsf((a - expected).sum() ** 2 / spread.sum(), 1)
    if spread.sum() < 25:
        chances = np.ones(1)
        for row in strata.astype(int):
            total, first, second = row.sum(), row[0] + row[1], row[0] + row[2]
            chances = np.convolve(chances, stats.hypergeom.pmf(range(min(first, second) + 1), total, first, second))
        own = chances[int(a.sum())]
        log_p = np.log(min(1, chances[chances <= own * (1 + 1e-7)].sum()))
    print("strata", count)
    for row in strata:
        print(*(int(v) for v in row))
    print("%.12g %.12g %.12g" % (np.log(R / S), variance, log_p))
for count in (1, 5, 40):
    p = np.round(rng.uniform(size=count) ** 3, 4) + 1e-4
    q = [min(1, min(p[j] * count / (p <= p[j]).sum() for j in range(count) if p[j] >= p[i])) for i in range(count)]
    print("adjust", count)
    print(" ".join("%.12g" % np.log(v) for v in p))
    print(" ".join("%.12g" % np.log(v) for v in q))
