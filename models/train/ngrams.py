"""Sentiment in other languages: one linear model a language over hashed character n-grams.

    python models/train/ngrams.py [--data DIR] [--dry-run]

Writes `models/ngrams.bin`, `models/ngrams.json` and `tests/fixtures/ngrams.jsonl` (what the Rust twin
`src/analysis/ngrams.rs` is held to). A language is listed only if its macro-F1 on texts that the model
did not see (5 folds by text hash) is at least `SERVED`.

The labels are AfriSenti's (people's) and, weakly, BRIGHTER's emotions: joy alone is positive, anger, disgust, fear
or sadness alone negative, none of the six neutral, mixtures left out. XED's subtitle lines have no neutral
ones, so they teach only positive against negative, and no figure is taken on them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import sys

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

import data
import heads
from prepare import MODELS, Preparer

VERSION = "0.2.0"
BUCKETS = 1 << 16
SHORTEST, LONGEST = 1, 5
SERVED = 0.55
FOLDS = 5
PENALTY = 0.3
XED_WEIGHT = 0.3
FNV_OFFSET, FNV_PRIME, U64 = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1
NEGATIVE = {"anger", "disgust", "fear", "sadness"}


def fnv1a64(raw: bytes) -> int:
    h = FNV_OFFSET
    for byte in raw:
        h = ((h ^ byte) * FNV_PRIME) & U64
    return h


_hashes: dict[str, int] = {}


def buckets(prepared: str) -> list[int]:
    """The distinct buckets of a prepared text, ascending: lower case, a space before and after, every run of 1 to 5 characters."""
    text = " " + " ".join(w for w in prepared.lower().split(" ") if w) + " "
    grams = {text[i : i + n] for n in range(SHORTEST, LONGEST + 1) for i in range(len(text) - n + 1)}
    for gram in grams:
        if gram not in _hashes:
            _hashes[gram] = fnv1a64(gram.encode()) % BUCKETS
    return sorted({_hashes[gram] for gram in grams})


def features(texts: list[str]) -> csr_matrix:
    """Each distinct bucket once, divided by the square root of their number."""
    rows = [buckets(t) for t in texts]
    ends = np.cumsum([0] + [len(r) for r in rows])
    values = np.concatenate([np.full(len(r), 1 / np.sqrt(len(r)), np.float32) for r in rows])
    return csr_matrix((values, np.concatenate(rows), ends), shape=(len(texts), BUCKETS))


class Language:
    """Texts of one language; `full` marks those whose set has all three classes."""

    def __init__(self):
        self.rows: dict[str, tuple[int, bool]] = {}

    def add(self, text: str, label: str, full: bool):
        if text and (text not in self.rows or full):
            self.rows[text] = (data.SENTIMENTS.index(label), full)

    def done(self):
        texts = sorted(self.rows)
        label = np.array([self.rows[t][0] for t in texts])
        full = np.array([self.rows[t][1] for t in texts])
        fold = np.array([int(hashlib.sha256(t.lower().encode()).hexdigest()[:8], 16) % FOLDS for t in texts])
        return texts, label, full, fold


def load(folder: pathlib.Path) -> dict[str, Language]:
    prepare, out = Preparer(), {}
    for r in data.read(folder, "xed_multilingual_emotion"):
        if r["lang"] != "en" and r["polarity"]:
            out.setdefault(r["lang"], Language()).add(prepare(r["text"]), r["polarity"], False)
    for r in data.read(folder, "brighter_emotion"):
        emotions = {e for e in NEGATIVE | {"joy", "surprise"} if r[e] not in ("", "0")}
        label = None
        if not emotions:
            label = "neutral"
        elif emotions == {"joy"}:
            label = "positive"
        elif emotions <= NEGATIVE:
            label = "negative"
        if label and r["lang"] != "en":
            out.setdefault(r["lang"], Language()).add(prepare(r["text"]), label, True)
    for r in data.read(folder, "afrisenti"):
        out.setdefault(r["lang"], Language()).add(prepare(r["text"]), r["label"], True)
    return out


def fit(x: csr_matrix, label: np.ndarray, full: np.ndarray, penalty: float):
    """Softmax regression, classes weighted to be equally heavy; where `full` is false, neutral is no candidate."""
    y = np.eye(3, dtype=np.float32)[label]
    w = np.where(full, 1.0, XED_WEIGHT)
    # As heavy as the class's share of all is small: rare classes count as much as common ones.
    for c in range(3):
        here = full & (label == c)
        w[here] *= full.sum() / (3 * max(1, here.sum()))
    w = (w / w.sum() * len(w)).astype(np.float32)[:, None]
    shut = np.zeros((len(label), 3), np.float32)
    shut[~full, 1] = -1e4

    def loss(flat: np.ndarray):
        theta = flat.reshape(-1, 3).astype(np.float32)
        z = x @ theta[:-1] + theta[-1] + shut
        z -= z.max(axis=1, keepdims=True)
        logs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        value = -(w * y * logs).sum(dtype=np.float64) + 0.5 * penalty * float((theta[:-1].astype(np.float64) ** 2).sum())
        back = w * (np.exp(logs) - y)
        grad = np.vstack([x.T @ back + penalty * theta[:-1], back.sum(axis=0, keepdims=True)])
        return value, grad.astype(np.float64).ravel()

    found = minimize(loss, np.zeros((BUCKETS + 1) * 3), jac=True, method="L-BFGS-B", options={"maxiter": 60})
    theta = found.x.reshape(-1, 3)
    return theta[:-1], theta[-1]


def quantise(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 [buckets, 3] and one scale a class."""
    scale = np.maximum(np.abs(weight).max(axis=0) / 127, 1e-12)
    return np.clip(np.rint(weight / scale), -127, 127).astype(np.int8), scale


def judge(texts, label, full, fold, penalty: float):
    """Out-of-fold logits of the texts with all three classes, and their figures."""
    x = features(texts)
    z = np.zeros((len(texts), 3))
    for k in range(FOLDS):
        held = fold == k
        weight, bias = fit(x[~held], label[~held], full[~held], penalty)
        q, scale = quantise(weight)
        z[held] = (x[held] @ q.astype(np.float32)) * scale + bias
    z, y = z[full], label[full]
    t = heads.temperature(z, np.eye(3)[y], "softmax")
    return x, t, heads.class_report(heads.softmax(z / t), y)


def main() -> None:
    root = MODELS.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=root.parent / "shared" / "data", help="folder of the open sets (default: ../shared/data beside the checkout)")
    parser.add_argument("--dry-run", action="store_true", help="report, write nothing")
    parser.add_argument("--penalty", type=float, default=PENALTY)
    parser.add_argument("--languages", nargs="*", help="only these")
    args = parser.parse_args()
    if not args.data.is_dir():
        sys.exit(f"no data at {args.data}: pass --data")
    tables, served = [], {}
    for name, language in sorted(load(args.data).items()):
        texts, label, full, fold = language.done()
        if args.languages and name not in args.languages:
            continue
        counts = np.bincount(label[full], minlength=3) if full.any() else np.zeros(3, int)
        if counts.min() < 50:
            print(f"{name}: {len(texts)} texts, classes {counts.tolist()} where all three are labelled: no figure, not served", flush=True)
            continue
        x, t, figures = judge(texts, label, full, fold, args.penalty)
        ok = figures["macro_f1"] >= SERVED
        print(f"{name}: {len(texts)} texts, {counts.tolist()} judged, macro-F1 {figures['macro_f1']:.3f}, accuracy {figures['accuracy']:.3f}, ECE {figures['ece']:.3f}{'' if ok else ', not served'}", flush=True)
        if not ok or args.dry_run:
            continue
        weight, bias = fit(x, label, full, args.penalty)
        q, scale = quantise(weight)
        served[name] = {
            "macro_f1": round(figures["macro_f1"], 3),
            "ece": round(figures["ece"], 3),
            "texts": len(texts),
            "bias": [round(float(b), 6) for b in bias],
            "scale": [float(f"{s:.9g}") for s in scale],
            "temperature": round(t, 4),
            "table": len(tables),
        }
        tables.append(q)
    if not args.dry_run:
        write(tables, served)


def write(tables: list[np.ndarray], served: dict) -> None:
    (MODELS / "ngrams.bin").write_bytes(b"".join(np.ascontiguousarray(q).tobytes() for q in tables))
    out = {
        "model": "overheard-ngrams",
        "version": VERSION,
        "buckets": BUCKETS,
        "ngrams": [SHORTEST, LONGEST],
        "text": "prepared as for the encoder, lower-cased, runs of spaces made one, one space before and one after",
        "hash": "fnv1a64 of the n-gram's UTF-8 bytes, modulo buckets",
        "features": "each distinct bucket once, divided by the square root of their number",
        "layout": "one table a language, int8 [buckets][negative, neutral, positive], in the order of `table`",
        "logit": "scale[class] * sum(weights[class]) / sqrt(distinct buckets) + bias[class], then softmax(logit / temperature)",
        "languages": served,
    }
    (MODELS / "ngrams.json").write_text(json.dumps(out, indent=2) + "\n")
    fixture(tables, served)


def fixture(tables: list[np.ndarray], served: dict) -> None:
    """What this model says of texts that we wrote: the probabilities, to four decimals."""
    prepare = Preparer()
    source = pathlib.Path(__file__).resolve().parent / "labels" / "ngrams_texts.tsv"
    with open(MODELS.parent / "tests" / "fixtures" / "ngrams.jsonl", "w", encoding="utf-8") as f:
        for line in source.read_text(encoding="utf-8").splitlines():
            name, text = line.split("\t")
            if name not in served:
                continue
            one = served[name]
            at = buckets(prepare(text))
            z = tables[one["table"]][at].astype(np.int64).sum(axis=0) / np.sqrt(len(at)) * np.array(one["scale"]) + np.array(one["bias"])
            p = heads.softmax(z[None] / one["temperature"])[0]
            case = {"text": text, "language": name} | {k: round(float(v), 4) for k, v in zip(data.SENTIMENTS, p)}
            f.write(json.dumps(case, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
