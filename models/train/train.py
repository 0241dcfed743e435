"""One command makes the shipped model: vectors, heads, calibration, ONNX, labels, checksums.

    python models/train/train.py [--data DIR] [--cache DIR] [--threads N] [--dry-run]

The encoder is frozen. Splits depend on each text's hash: a tenth to tune (penalty, temperature,
thresholds), a tenth to report, the rest to train. The posts that come with the project are few, so
they are judged by five folds instead and all of them train the final heads.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import shutil
import sys
import time

import numpy as np

import data
import encoder
import heads
import prepare
import vectors

MODELS = pathlib.Path(__file__).resolve().parent.parent
MODEL_ID, VERSION = "overheard-minilm", "0.1.0"
POOLED = [2, 4, 6]
# What an earlier, shorter search over 1e-3 .. 3e-1 preferred; fits may stop early. A longer list searches again.
PENALTIES = {"sentiment": [3e-3], "emotions": [3e-2], "intents": [1e-1]}
WHITEN = 1e-3
# A row of ours counts for many of the open sets, which say little about posts.
POSTS_WEIGHT = {"sentiment": 4.0, "intents": 20.0}
CLASS_WEIGHT = np.array([2.0, 1.0, 1.0], np.float32)
POSITIVE_WEIGHT = 2.0
FOLDS = 5


def log(message: str) -> None:
    print(message, flush=True)


class Table:
    """All sets stacked; features are standardised and whitened, which is folded away at export."""

    def __init__(self, sets: list[data.Rows], features: list[np.ndarray]):
        self.names = np.concatenate([[s.name] * len(s.texts) for s in sets])
        self.split = np.concatenate([s.split() for s in sets])
        self.weight = np.concatenate([np.full(len(s.texts), s.weight) for s in sets])
        sentiment = np.concatenate([s.sentiment for s in sets])
        self.classes = sentiment
        self.sentiment = np.where(np.isnan(sentiment)[:, None], np.nan, np.eye(3)[np.nan_to_num(sentiment).astype(int)])
        self.emotions = np.concatenate([s.emotions for s in sets])
        self.intents = np.concatenate([s.intents for s in sets])
        x = np.concatenate(features).astype(np.float32)
        self.mean, self.scale = x.mean(axis=0), x.std(axis=0) + 1e-6
        x = (x - self.mean) / self.scale
        # Whitened, or L-BFGS crawls along the correlations between layers.
        spread, axes = np.linalg.eigh(x.T @ x / len(x))
        self.axes = (axes / np.sqrt(np.maximum(spread, 0) + WHITEN)).astype(np.float32)
        self.x = x @ self.axes
        posts = np.flatnonzero(self.names == "posts")
        self.fold = np.full(len(x), -1)
        self.fold[posts] = np.random.default_rng(7).permutation(len(posts)) % FOLDS

    def unscale(self, head):
        weight, bias = head
        weight = (self.axes @ weight) / self.scale[:, None]
        return weight, bias - self.mean @ weight


def rows_of(t: Table, y: np.ndarray, splits, sets=None) -> np.ndarray:
    keep = ~np.isnan(y).all(axis=1) & np.isin(t.split, splits) & (t.names != "posts")
    return np.flatnonzero(keep if sets is None else keep & np.isin(t.names, sets))


def weights_for(t: Table, name: str, y: np.ndarray, rows: np.ndarray, kind: str) -> np.ndarray:
    w = np.where(t.names[rows] == "posts", POSTS_WEIGHT.get(name, 1.0), t.weight[rows])[:, None]
    part = y[rows]
    if kind == "softmax":
        return w * CLASS_WEIGHT
    return w * np.where(part == 1, POSITIVE_WEIGHT, 1.0)


def train_head(t: Table, name: str, y: np.ndarray, kind: str, tune: np.ndarray, score, with_posts: bool):
    """Penalty by `score` on `tune`; returns (head, tuning logits, out-of-fold logits of posts)."""
    rows = rows_of(t, y, range(2, 10))
    posts = np.flatnonzero(t.names == "posts") if with_posts else np.array([], int)
    everything = np.concatenate([rows, posts])
    # Every fit starts from nothing: a warm start would carry a fold into its own judgement.
    best = None
    for penalty in PENALTIES[name]:
        outer = everything if not with_posts else np.concatenate([rows, posts[t.fold[posts] != 0]])
        head = heads.fit(t.x[outer], y[outer], weights_for(t, name, y, outer, kind), penalty, kind)
        held = np.concatenate([tune, posts[t.fold[posts] == 0]])
        value = score(t.x[held] @ head[0] + head[1], held)
        log(f"  penalty {penalty:g}: {value:.4f}")
        if best is None or value > best[0]:
            best = (value, penalty, head)
    _, penalty, head = best
    out_of_fold = np.zeros((len(posts), y.shape[1]))
    for fold in range(FOLDS if with_posts else 0):
        inner = np.concatenate([rows, posts[t.fold[posts] != fold]])
        part = heads.fit(t.x[inner], y[inner], weights_for(t, name, y, inner, kind), penalty, kind)
        here = t.fold[posts] == fold
        out_of_fold[here] = t.x[posts[here]] @ part[0] + part[1]
    if with_posts:
        head = heads.fit(t.x[everything], y[everything], weights_for(t, name, y, everything, kind), penalty, kind)
    return head, t.x[tune] @ head[0] + head[1], out_of_fold, penalty


def sentiment(t: Table, report: dict):
    own = ["semeval", "dynasent", "vader"]
    tune = rows_of(t, t.sentiment, [1], own)

    def score(z, rows):
        return heads.class_report(heads.softmax(z), t.classes[rows])["macro_recall"]

    head, z, folds, penalty = train_head(t, "sentiment", t.sentiment, "softmax", tune, score, True)
    temp = heads.temperature(z, t.sentiment[tune], "softmax")
    report["sentiment"] = {"penalty": penalty}
    for name in own + ["goemotions"]:
        rows = rows_of(t, t.sentiment, [0], [name])
        p = heads.softmax((t.x[rows] @ head[0] + head[1]) / temp)
        report["sentiment"][name] = heads.class_report(p, t.classes[rows])
    posts = np.flatnonzero(t.names == "posts")
    report["sentiment"]["posts (5 folds)"] = heads.class_report(heads.softmax(folds / temp), t.classes[posts])
    return head, temp, None


def emotions(t: Table, report: dict):
    tune = rows_of(t, t.emotions, [1])

    def score(z, rows):
        p, y = heads.sigmoid(z), t.emotions[rows]
        return float(np.mean([heads.f1(p[:, k] >= heads.threshold(p[:, k], y[:, k]), y[:, k] == 1) for k in range(28)]))

    head, z, _, penalty = train_head(t, "emotions", t.emotions, "sigmoid", tune, score, False)
    temp = heads.temperature(z, t.emotions[tune], "sigmoid")
    cuts = [heads.threshold(p, y) for p, y in zip(heads.sigmoid(z / temp).T, t.emotions[tune].T)]
    test = rows_of(t, t.emotions, [0])
    p, y = heads.sigmoid((t.x[test] @ head[0] + head[1]) / temp), t.emotions[test]
    report["emotions"] = {"penalty": penalty, "goemotions": heads.label_report(p, y, np.array(cuts), data.EMOTIONS)}
    # A group of Ekman's holds when one of its emotions does.
    groups = [[data.EMOTIONS.index(e) for e in members] for members in data.EKMAN.values()]
    guess, actual = p >= np.array(cuts), y == 1
    scores = [heads.f1(guess[:, g].any(axis=1), actual[:, g].any(axis=1)) for g in groups]
    report["emotions"]["ekman"] = {"macro_f1": float(np.mean(scores)), "f1": dict(zip(data.EKMAN, np.round(scores, 3).tolist()))}
    return head, temp, cuts


def intents(t: Table, report: dict):
    tune = rows_of(t, t.intents, [1])
    posts = np.flatnonzero(t.names == "posts")

    def score(z, rows):
        keep = np.isin(rows, posts)
        p, y = heads.sigmoid(z[keep]), t.intents[rows[keep]]
        loss = -np.log(np.where(y == 1, p, 1 - p) + 1e-9).mean()
        return float(-loss)

    head, _, folds, penalty = train_head(t, "intents", t.intents, "sigmoid", tune, score, True)
    y = t.intents[posts]
    temp = heads.temperature(folds, y, "sigmoid")
    p = heads.sigmoid(folds / temp)
    # Thresholds for the report come from the other folds; those that ship from all of them.
    guess = np.zeros_like(y, bool)
    for fold in range(FOLDS):
        here = t.fold[posts] == fold
        for k in range(y.shape[1]):
            guess[here, k] = p[here, k] >= heads.threshold(p[~here, k], y[~here, k])
    cuts = [heads.threshold(p[:, k], y[:, k]) for k in range(y.shape[1])]
    report["intents"] = {"penalty": penalty, "posts (5 folds)": heads.label_report(guess.astype(float), y, np.full(8, 0.5), data.INTENTS)}
    report["intents"]["posts (5 folds)"]["ece"] = heads.ece(p.ravel(), y.ravel() == 1)
    for name, label in (("youtube_spam", "spam"), ("clinc150", "question"), ("banking77", "question"), ("multidogo", "churn_risk"), ("multidogo", "purchase_intent"), ("purchase_tweets", "purchase_intent")):
        k = data.INTENTS.index(label)
        rows = rows_of(t, t.intents, [0], [name])
        rows = rows[~np.isnan(t.intents[rows, k])]
        q = heads.sigmoid((t.x[rows] @ head[0] + head[1]) / temp)[:, k]
        actual = t.intents[rows, k] == 1
        report["intents"][f"{name}: {label}"] = {"rows": len(rows), "positive": int(actual.sum()), "f1": heads.f1(q >= cuts[k], actual)}
    return head, temp, cuts


def write_labels(found: dict) -> None:
    names = {"sentiment": data.SENTIMENTS, "emotions": data.EMOTIONS, "intents": data.INTENTS}
    out = {
        "model": MODEL_ID,
        "version": VERSION,
        "languages": ["en"],
        "max_tokens": vectors.MAX_TOKENS,
        "max_chars": prepare.MAX_CHARS,
        "embedding": encoder.HIDDEN,
    }
    for name, (_, temp, cuts) in found.items():
        out[name] = {"labels": names[name], "temperature": round(temp, 4)}
        if cuts is not None:
            out[name]["thresholds"] = cuts
    out["ekman"] = data.EKMAN
    (MODELS / "labels.json").write_text(json.dumps(out, indent=2) + "\n")


def write_checksums() -> None:
    lines = []
    for name in ("emoji.tsv", "labels.json", "overheard.onnx", "tokenizer.json"):
        lines.append(f"{hashlib.sha256((MODELS / name).read_bytes()).hexdigest()}  {name}\n")
    (MODELS / "SHA256SUMS").write_text("".join(lines))


def write_fixture(tok, texts: list[str]) -> None:
    """What onnxruntime says of some of our posts, one by one; the daemon is held to it."""
    run = vectors.session((MODELS / "overheard.onnx").read_bytes(), 1)
    names = ["sentiment", "emotions", "intents"]
    with open(MODELS.parent / "tests" / "fixtures" / "scoring.jsonl", "w", encoding="utf-8") as f:
        for text in texts:
            ids = tok.encode(text).ids
            values = run.run(names, vectors.feeds([ids]))
            rounded = {name: [round(float(v), 4) for v in value[0]] for name, value in zip(names, values)}
            f.write(json.dumps({"prepared": text, "ids": ids, **rounded}) + "\n")


def main() -> None:
    root = MODELS.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=root.parent / "shared" / "data", help="folder of the open sets (default: ../shared/data beside the checkout)")
    parser.add_argument("--cache", type=pathlib.Path, default=root / "target" / "train-cache", help="folder for vectors")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dry-run", action="store_true", help="report, write nothing under models/")
    args = parser.parse_args()
    if not args.data.is_dir():
        sys.exit(f"no data at {args.data}: pass --data")

    began = time.monotonic()
    sets = data.load_all(args.data)
    weights = encoder.load_weights(encoder.package_dir() / "model.safetensors")
    tok = vectors.tokenizer()
    sample = [text for s in sets if s.name in ("semeval", "goemotions") for text in s.texts[:128]]
    smooth = encoder.smoothing(weights, vectors.peaks(weights, tok, sample, args.threads))
    every_layer = list(range(1, encoder.LAYERS + 1))
    frozen = encoder.build(weights, every_layer, smooth=smooth).SerializeToString()
    features = [vectors.encode(frozen, tok, s.name, s.texts, args.cache, args.threads) for s in sets]
    columns = np.concatenate([np.arange((i - 1) * encoder.HIDDEN, i * encoder.HIDDEN) for i in POOLED])
    table = Table(sets, [f[:, columns] for f in features])
    log(f"{len(table.x)} rows, {table.x.shape[1]} features, {time.monotonic() - began:.0f} s")

    report: dict = {}
    found = {}
    for name, make in (("sentiment", sentiment), ("emotions", emotions), ("intents", intents)):
        log(name)
        found[name] = make(table, report)
    log(json.dumps(report, indent=1))
    if not args.dry_run:
        final = {name: table.unscale(head) for name, (head, _, _) in found.items()}
        model = encoder.build(weights, POOLED, final, smooth).SerializeToString()
        (MODELS / "overheard.onnx").write_bytes(model)
        shutil.copyfile(encoder.package_dir() / "tokenizer.json", MODELS / "tokenizer.json")
        write_labels(found)
        write_checksums()
        write_fixture(tok, sets[-1].texts[::60])
        (MODELS / "train" / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    log(f"done in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
