"""One command makes the shipped model: fine-tuning, calibration, ONNX, labels, checksums, figures.

    python models/train/train.py [--data DIR] [--cache DIR] [--threads N] [--f32] [--dry-run]
                                 [--safetensors FILE]

Splits depend on each text's hash: a tenth to tune (temperatures, thresholds), a tenth to report, the
rest to train. Everything that is tuned or reported comes out of the int8 graph that ships. Training
goes on from its last checkpoint under --cache; delete that folder to begin anew.
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
import finetune
import heads
import prepare
import project
import vectors

MODELS = pathlib.Path(__file__).resolve().parent.parent
MODEL_ID, VERSION = "overheard-minilm", "0.4.0"
REPORT, TUNE = 0, 1
# The first stage ran before the labels of `labels/open.tsv` were there, and was broken off for them.
STAGES = [
    finetune.Stage("open", 2.0, 1.2e-4, {"posts": 4, "open": 0}, batch=64, stop=750),
    finetune.Stage("all", 1.0, 1e-4, {"posts": 4, "open": 3, "dynasent": 2, "hwu64": 0}, batch=64, warmup=0.04, seed=2),
    finetune.Stage("more", 1.7, 8e-5, {"posts": 4, "open": 3, "dynasent": 3, "hwu64": 0}, batch=64, warmup=0.03, seed=3, emotions=0.4),
    finetune.Stage("last", 1.0, 6e-5, {"posts": 4, "open": 3, "dynasent": 3, "vader": 2, "hwu64": 0}, batch=64, warmup=0.04, seed=4, emotions=0.3),
    finetune.Stage("rounded", 1.5, 7e-5, {"posts": 4, "open": 3, "next": 2, "dynasent": 3, "vader": 2, "hwu64": 0}, batch=64, warmup=0.04, seed=5, emotions=0.4, quantised=True),
]
# Each stage begins at the mean of these, or where the one before ended.
BEGIN = {"last": {"all": 0.5, "more": 0.5}, "rounded": {"all": 0.4, "more": 0.2, "last": 0.4}}
# What ships is this mean of weights (Wortsman et al. 2022, model soups), chosen on the tenth for tuning: sentiment is best
# early, rare emotions late.
SHIPPED = {"all": 0.2, "more": 0.1, "last": 0.2, "rounded": 0.5}
SENTIMENT_SETS = ["semeval", "dynasent", "vader"]
OWN = ["posts", "open"]  # labelled by this project's definitions of intents and urgency


def log(message: str) -> None:
    print(message, flush=True)


def mix(done: dict[str, dict[str, np.ndarray]], shares: dict[str, float]) -> dict[str, np.ndarray]:
    """The weighted mean of the state dicts of stages."""
    return {k: sum(share * done[name][k].astype(np.float32) for name, share in shares.items()) for k in next(iter(done.values()))}


class Held:
    """The rows of the two tenths that no training saw, and what the graph says of them."""

    def __init__(self, sets: list[data.Rows]):
        split = [s.split() for s in sets]
        keep = [np.flatnonzero(x <= TUNE) for x in split]
        self.texts = [s.texts[i] for s, rows in zip(sets, keep) for i in rows]
        self.names = np.concatenate([[s.name] * len(rows) for s, rows in zip(sets, keep)])
        self.split = np.concatenate([x[rows] for x, rows in zip(split, keep)])
        self.y = {name: np.concatenate([getattr(s, name)[rows] for s, rows in zip(sets, keep)]) for name in finetune.OUTPUTS}
        self.z: dict[str, np.ndarray] = {}

    def rows(self, head: str, split: int, sets: list[str] | None = None) -> np.ndarray:
        known = ~np.isnan(self.y[head]).all(axis=1) & (self.split == split)
        return np.flatnonzero(known if sets is None else known & np.isin(self.names, sets))


def classes(h: Held, head: str, tune_on: list[str], report_on: dict[str, list[str]], report: dict):
    """A head of exclusive classes: its temperature, and its figures at that."""
    tune = h.rows(head, TUNE, tune_on)
    hard = np.eye(h.y[head].shape[1])[h.y[head][tune].argmax(axis=1)]
    temp = heads.temperature(h.z[head][tune], hard, "softmax")
    report[head] = {}
    for name, sets in report_on.items():
        rows = h.rows(head, REPORT, sets)
        p, y = heads.softmax(h.z[head][rows] / temp), h.y[head][rows].argmax(axis=1)
        found = heads.class_report(p, y)
        if head == "sentiment":
            found["negative_recall"] = float((p[y == 0].argmax(axis=1) == 0).mean())
        if name == "vader":
            soft = h.y[head][rows]
            found["score_r"] = float(np.corrcoef(p[:, 2] - p[:, 0], soft[:, 2] - soft[:, 0])[0, 1])
        if head == "urgency":
            found["mean_error"] = float(np.abs(p.argmax(axis=1) - y).mean())
            found["rows_by_class"] = np.bincount(y, minlength=4).tolist()
        report[head][name] = found
    return temp, None


def emotions(h: Held, report: dict):
    tune, test = h.rows("emotions", TUNE), h.rows("emotions", REPORT)
    temp = heads.temperature(h.z["emotions"][tune], h.y["emotions"][tune], "sigmoid")
    cuts = [heads.threshold(p, y) for p, y in zip(heads.sigmoid(h.z["emotions"][tune] / temp).T, h.y["emotions"][tune].T)]
    p, y = heads.sigmoid(h.z["emotions"][test] / temp), h.y["emotions"][test]
    report["emotions"] = {"goemotions": heads.label_report(p, y, np.array(cuts), data.EMOTIONS)}
    # A group of Ekman's holds when one of its emotions does.
    groups = [[data.EMOTIONS.index(e) for e in members] for members in data.EKMAN.values()]
    guess, actual = p >= np.array(cuts), y == 1
    scores = [heads.f1(guess[:, g].any(axis=1), actual[:, g].any(axis=1)) for g in groups]
    report["emotions"]["ekman"] = {"macro_f1": float(np.mean(scores)), "f1": dict(zip(data.EKMAN, np.round(scores, 3).tolist()))}
    return temp, cuts


def intents(h: Held, report: dict):
    tune = h.rows("intents", TUNE, OWN)
    temp = heads.temperature(h.z["intents"][tune], h.y["intents"][tune], "sigmoid")
    cuts = [heads.threshold(p, y) for p, y in zip(heads.sigmoid(h.z["intents"][tune] / temp).T, h.y["intents"][tune].T)]
    report["intents"] = {}
    for name, sets in (("open and our posts", OWN), ("open", ["open"]), ("our posts", ["posts"])):
        rows = h.rows("intents", REPORT, sets)
        p, y = heads.sigmoid(h.z["intents"][rows] / temp), h.y["intents"][rows]
        report["intents"][name] = heads.label_report(p, y, np.array(cuts), data.INTENTS)
        report["intents"][name]["positive"] = dict(zip(data.INTENTS, np.nansum(y, axis=0).astype(int).tolist()))
    for name, label in (("youtube_spam", "spam"), ("multidogo", "purchase_intent"), ("purchase_tweets", "purchase_intent")):
        k = data.INTENTS.index(label)
        rows = h.rows("intents", REPORT, [name])
        rows = rows[~np.isnan(h.y["intents"][rows, k])]
        q = heads.sigmoid(h.z["intents"][rows, k] / temp)
        actual = h.y["intents"][rows, k] == 1
        report["intents"][f"{name}: {label}"] = {"rows": len(rows), "positive": int(actual.sum()), "f1": heads.f1(q >= cuts[k], actual)}
    return temp, cuts


def judge(h: Held) -> tuple[dict, dict]:
    """({head: (temperature, thresholds)}, report) of the logits in `h.z`."""
    report: dict = {}
    own = {"open and our posts": OWN}
    found = {
        "sentiment": classes(h, "sentiment", SENTIMENT_SETS, {name: [name] for name in [*SENTIMENT_SETS, "goemotions"]} | own, report),
        "emotions": emotions(h, report),
        "intents": intents(h, report),
        "urgency": classes(h, "urgency", OWN, own, report),
    }
    return found, report


def write_labels(found: dict) -> None:
    names = {"sentiment": data.SENTIMENTS, "emotions": data.EMOTIONS, "intents": data.INTENTS, "urgency": data.URGENCIES}
    out = {
        "model": MODEL_ID,
        "version": VERSION,
        "languages": ["en"],
        "max_tokens": vectors.MAX_TOKENS,
        "max_chars": prepare.MAX_CHARS,
        "embedding": encoder.HIDDEN,
    }
    for name, (temp, cuts) in found.items():
        out[name] = {"labels": names[name], "temperature": round(temp, 4)}
        if cuts is not None:
            out[name]["thresholds"] = cuts
    out["ekman"] = data.EKMAN
    (MODELS / "labels.json").write_text(json.dumps(out, indent=2) + "\n")


def write_checksums() -> None:
    lines = []
    for name in ("emoji.tsv", "labels.json", "ngrams.bin", "ngrams.json", "overheard.onnx", "tokenizer.json"):
        lines.append(f"{hashlib.sha256((MODELS / name).read_bytes()).hexdigest()}  {name}\n")
    (MODELS / "SHA256SUMS").write_text("".join(lines))


def write_fixture(tok, texts: list[str]) -> None:
    """What onnxruntime says of some of our posts, one by one; the daemon is held to it."""
    run = vectors.session((MODELS / "overheard.onnx").read_bytes(), 1)
    names = list(finetune.OUTPUTS)
    with open(MODELS.parent / "tests" / "fixtures" / "scoring.jsonl", "w", encoding="utf-8") as f:
        for text in texts:
            ids = tok.encode(text).ids
            values = run.run(names, vectors.feeds([ids]))
            rounded = {name: [round(float(v), 4) for v in value[0]] for name, value in zip(names, values)}
            f.write(json.dumps({"prepared": text, "ids": ids, **rounded}) + "\n")


def summary(report: dict) -> str:
    s, i = report["sentiment"], report["intents"]["open and our posts"]
    parts = [f"{name} recall {s[name]['macro_recall']:.3f} (negative {s[name]['negative_recall']:.3f})" for name in SENTIMENT_SETS]
    parts += [f"28 {report['emotions']['goemotions']['macro_f1']:.3f}", f"Ekman {report['emotions']['ekman']['macro_f1']:.3f}"]
    parts += [f"intents macro {i['macro_f1']:.3f} micro {i['micro_f1']:.3f}"]
    parts += [f"urgency {report['urgency']['open and our posts']['macro_f1']:.3f}"]
    return ", ".join(parts)


def main() -> None:
    root = MODELS.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=root.parent / "shared" / "data", help="folder of the open sets (default: ../shared/data beside the checkout)")
    parser.add_argument("--cache", type=pathlib.Path, default=root / "target" / "train-cache", help="folder of checkpoints")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--f32", action="store_true", help="train in f32: slower where the CPU has bf16 instructions, faster where it has none")
    parser.add_argument("--dry-run", action="store_true", help="report, write nothing under models/")
    parser.add_argument("--safetensors", type=pathlib.Path, help="also write the f32 weights here, before they are quantised")
    args = parser.parse_args()
    if not args.data.is_dir():
        sys.exit(f"no data at {args.data}: pass --data")

    began = time.monotonic()
    args.cache.mkdir(parents=True, exist_ok=True)
    finetune.threads(args.threads)
    sets = data.load_all(args.data)
    tok = vectors.tokenizer()
    frozen = encoder.load_weights(encoder.package_dir() / "model.safetensors")
    weights, done = frozen, {}
    for stage in STAGES:
        if stage.name in BEGIN:
            weights = mix(done, BEGIN[stage.name])
        weights = done[stage.name] = finetune.run(stage, weights, sets, tok, args.cache, not args.f32)
    log(f"{time.monotonic() - began:.0f} s, exporting")
    export(mix(done, SHIPPED), frozen, sets, tok, args)
    log(f"done in {time.monotonic() - began:.0f} s")


def export(weights: dict[str, np.ndarray], frozen: dict[str, np.ndarray], sets: list[data.Rows], tok, args: argparse.Namespace) -> None:
    """Quantises, calibrates, judges, and writes what ships; `frozen` is the encoder that training began with."""
    sample = [text for s in sets if s.name in encoder.SAMPLE for text in s.texts[:128]]
    smooth = encoder.smoothing(weights, vectors.peaks(weights, tok, sample, args.threads))
    last = [encoder.LAYERS]
    final = {name: (last, weights[f"heads.{name}.weight"].T, weights[f"heads.{name}.bias"]) for name in finetune.OUTPUTS}
    report_embedding, final["embedding"] = project.fit(frozen, weights, smooth, sets, tok, args.threads)

    held = Held(sets)
    reports, calibration = {}, {}
    for kind, how in (("f32", None), ("int8", smooth)):
        model = encoder.build(weights, final, how).SerializeToString()
        held.z = vectors.encode(model, tok, held.texts, args.threads)
        calibration, reports[kind] = judge(held)
        log(f"{kind}: {summary(reports[kind])}")
    report = reports["int8"] | {"embedding": report_embedding, "f32": summary(reports["f32"]), "int8": summary(reports["int8"])}
    log(json.dumps(report, indent=1))
    if args.safetensors:
        encoder.write_safetensors(args.safetensors, weights, final)
    if not args.dry_run:
        (MODELS / "overheard.onnx").write_bytes(model)
        shutil.copyfile(encoder.package_dir() / "tokenizer.json", MODELS / "tokenizer.json")
        write_labels(calibration)
        write_checksums()
        write_fixture(tok, sets[-1].texts[::60])
        (MODELS / "train" / "report.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
