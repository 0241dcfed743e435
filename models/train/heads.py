"""Calibration of the heads' logits, and the figures. Labels may be missing (NaN) where a set says nothing."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(z, -30, 30)))


def temperature(logits: np.ndarray, y: np.ndarray, kind: str) -> float:
    """The one T that makes sigmoid(z/T) or softmax(z/T) likeliest (Guo et al. 2017)."""
    known = ~np.isnan(y)
    target = np.where(known, y, 0)

    def loss(log_t: float) -> float:
        z = logits / np.exp(log_t)
        if kind == "softmax":
            return -float((target * np.log(softmax(z) + 1e-12)).sum())
        return float((known * (np.logaddexp(0, z) - target * z)).sum())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method="bounded").x))


def f1(predicted: np.ndarray, actual: np.ndarray) -> float:
    hit = float((predicted & actual).sum())
    return 0.0 if hit == 0 else 2 * hit / float(predicted.sum() + actual.sum())


def threshold(p: np.ndarray, y: np.ndarray) -> float:
    """The probability whose cut gives the best F1; ties go to the middle of the plateau."""
    cuts = np.round(np.arange(0.1, 0.91, 0.02), 2)
    known = ~np.isnan(y)
    scores = np.array([f1(p[known] >= c, y[known] == 1) for c in cuts])
    best = cuts[scores >= scores.max() - 1e-3]
    return float(round(float(np.median(best)), 2))


def ece(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: |confidence - accuracy| over equal-width bins."""
    at = np.minimum((confidence * bins).astype(int), bins - 1)
    total = 0.0
    for b in range(bins):
        here = at == b
        if here.any():
            total += here.mean() * abs(confidence[here].mean() - correct[here].mean())
    return float(total)


def class_report(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """p [n, classes], y [n] class numbers."""
    guess = p.argmax(axis=1)
    present = [c for c in range(p.shape[1]) if (y == c).any()]
    return {
        "rows": int(len(y)),
        "accuracy": float((guess == y).mean()),
        "macro_f1": float(np.mean([f1(guess == c, y == c) for c in present])),
        "macro_recall": float(np.mean([(guess[y == c] == c).mean() for c in present])),
        "ece": ece(p.max(axis=1), guess == y),
    }


def label_report(p: np.ndarray, y: np.ndarray, cuts: np.ndarray, names: list[str]) -> dict:
    """F1 of each label at its threshold; macro over labels, micro over decisions."""
    known = ~np.isnan(y)
    guess = (p >= cuts) & known
    actual = (y == 1) & known
    return {
        "rows": int(len(y)),
        "macro_f1": float(np.mean([f1(guess[:, k], actual[:, k]) for k in range(len(names))])),
        "micro_f1": f1(guess.ravel(), actual.ravel()),
        "ece": ece(p[known], actual[known]),
        "f1": {name: round(f1(guess[:, k], actual[:, k]), 3) for k, name in enumerate(names)},
    }
