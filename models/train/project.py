"""Keeps the embedding what it was: a search for like texts, not for texts that feel alike.

Fine-tuning on sentiment and intents bends the encoder's last layer towards them. The lower layers keep
what a text is about, so a linear map from the means of layers 2, 4 and 6 back to the frozen encoder's
embedding (ridge regression on training texts) restores most of it. `fit` says how much.
"""

from __future__ import annotations

import hashlib

import numpy as np

import encoder
import vectors

LAYERS = [2, 4, 6]
TEXTS, HELD = 16000, 2000
PENALTY = 3e-3  # relative to the mean variance of a feature


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)


def likeness(a: np.ndarray, b: np.ndarray, near: int = 10) -> dict[str, float]:
    """How far `b` orders pairs and neighbours as `a` does: r of the cosines, share of common neighbours."""
    p, q = a @ a.T, b @ b.T
    upper = np.triu_indices(len(a), 1)
    np.fill_diagonal(p, -2)
    np.fill_diagonal(q, -2)
    r = float(np.corrcoef(p[upper], q[upper])[0, 1])
    first, second = (np.argpartition(-m, near, axis=1)[:, :near] for m in (p, q))
    shared = np.mean([len(np.intersect1d(x, y)) / near for x, y in zip(first, second)])
    return {"cosine_r": round(r, 3), f"neighbours_of_{near}": round(float(shared), 3)}


def fit(frozen: dict, weights: dict, smooth: dict, sets, tok, threads: int) -> tuple[dict, encoder.Head]:
    """(figures on held texts, the head `embedding`)."""
    texts = sorted({t for s in sets for t, k in zip(s.texts, s.split()) if k >= 2}, key=lambda t: hashlib.sha256(t.encode()).digest())[:TEXTS]
    held = sorted({t for s in sets for t, k in zip(s.texts, s.split()) if k == 0}, key=lambda t: hashlib.sha256(t.encode()).digest())[:HELD]
    before = encoder.build(frozen, {"embedding": ([encoder.LAYERS], None, None)}).SerializeToString()
    outputs = {"features": (LAYERS, None, None), "embedding": ([encoder.LAYERS], None, None)}
    after = encoder.build(weights, outputs, smooth).SerializeToString()
    target = vectors.encode(before, tok, texts + held, threads)["embedding"]
    found = vectors.encode(after, tok, texts + held, threads)
    x, y = found["features"][:TEXTS].astype(np.float64), target[:TEXTS].astype(np.float64)
    mx, my = x.mean(axis=0), y.mean(axis=0)
    gram = (x - mx).T @ (x - mx)
    gram += np.eye(len(gram)) * PENALTY * np.trace(gram) / len(gram)
    w = np.linalg.solve(gram, (x - mx).T @ (y - my))
    b = my - mx @ w
    there = unit(found["features"][TEXTS:] @ w + b)
    report = {
        "cosine_to_frozen": round(float((there * target[TEXTS:]).sum(axis=1).mean()), 3),
        "projected": likeness(target[TEXTS:], there),
        "last layer alone": likeness(target[TEXTS:], found["embedding"][TEXTS:]),
    }
    return report, (LAYERS, w.astype(np.float32), b.astype(np.float32))
