#!/usr/bin/env python3
"""Rows and what scikit-learn says of them, for tests/unit/learn/test_metrics.c.

Prints cases: `case NAME ROWS`, then `score label weight` a row, then `expect FIGURE VALUE` lines
and `end`. Regenerate with: python3 tests/reference/metrics.py > tests/reference/metrics.txt
(Debian: python3-sklearn)."""
import numpy as np
from sklearn import metrics

rng = np.random.default_rng(20)


def case(name, scores, labels, weights):
    print(f"case {name} {len(scores)}")
    for row in zip(scores, labels, weights):
        print("%.17g %d %.17g" % row)
    figures = {
        "roc_auc": metrics.roc_auc_score(labels, scores, sample_weight=weights),
        "pr_auc": metrics.average_precision_score(labels, scores, sample_weight=weights),
        "log_loss": metrics.log_loss(labels, scores, sample_weight=weights, eps=1e-15),
        "brier": metrics.brier_score_loss(labels, scores, sample_weight=weights),
    }
    for figure, value in figures.items():
        print(f"expect {figure} {value:.17g}")
    print("end")


def draw(rows, rate, skill):
    labels = (rng.random(rows) < rate).astype(int)
    labels[:2] = [0, 1]
    scores = 1 / (1 + np.exp(-(rng.normal(size=rows) + skill * labels - 1)))
    return scores, labels


for name, rows, rate, skill in [
    ("few", 7, 0.5, 1.0),
    ("even", 100, 0.5, 1.0),
    ("rare", 200, 0.03, 1.5),
    ("useless", 150, 0.2, 0.0),
    ("upside_down", 80, 0.3, -2.0),
]:
    scores, labels = draw(rows, rate, skill)
    case(name, scores, labels, np.ones(rows))
    case(name + "_weighted", scores, labels, rng.random(rows) + 0.1)
    case(name + "_tied", np.round(scores, 1), labels, np.ones(rows))
