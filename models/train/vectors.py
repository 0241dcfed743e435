"""Texts to features with the encoder that ships (onnxruntime, int8), cached on disk.

The cache key is the encoder's hash and the texts', so a stale vector is never used; chunks are
written as they are done, so an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import pathlib

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

import encoder

MAX_TOKENS, BATCH, CHUNK = 128, 64, 8192


def tokenizer() -> Tokenizer:
    tok = Tokenizer.from_file(str(encoder.package_dir() / "tokenizer.json"))
    tok.no_padding()
    tok.enable_truncation(MAX_TOKENS)
    return tok


def session(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def feeds(ids: list[list[int]]) -> dict[str, np.ndarray]:
    width = max(map(len, ids))
    out = np.zeros((len(ids), width), np.int64)
    mask = np.zeros_like(out)
    for i, row in enumerate(ids):
        out[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return {"input_ids": out, "attention_mask": mask}


def peaks(weights: dict, tok: Tokenizer, texts: list[str], threads: int) -> dict[str, np.ndarray]:
    """max|x| of each linear layer's input channels, over `texts`, for `encoder.smoothing`."""
    run = session(encoder.build(weights, [encoder.LAYERS], taps=True).SerializeToString(), threads)
    names = [o.name for o in run.get_outputs() if o.name.startswith("tap:")]
    out: dict[str, np.ndarray] = {}
    for i in range(0, len(texts), 16):
        feed = feeds([e.ids for e in tok.encode_batch(texts[i : i + 16])])
        for name, value in zip(names, run.run(names, feed)):
            peak = np.abs(value[feed["attention_mask"] > 0]).max(axis=0)
            out[name[4:]] = np.maximum(out.get(name[4:], 0), peak)
    return out


def encode(model: bytes, tok: Tokenizer, name: str, texts: list[str], cache: pathlib.Path, threads: int, output: str = "features") -> np.ndarray:
    """[n, features] float16, in the order of `texts`; batches are bucketed by length."""
    key = hashlib.sha256(model)
    key.update("\0".join(texts).encode())
    folder = cache / f"{name}-{output}-{key.hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    run, parts = None, []
    for start in range(0, len(texts), CHUNK):
        file = folder / f"{start}.npy"
        if not file.exists():
            run = run or session(model, threads)
            part = run_chunk(run, tok, texts[start : start + CHUNK], output)
            np.save(folder / "part.npy", part.astype(np.float16))
            (folder / "part.npy").rename(file)
            print(f"  {name}: {min(start + CHUNK, len(texts))} of {len(texts)}", flush=True)
        parts.append(np.load(file))
    return np.concatenate(parts)


def run_chunk(run, tok, texts: list[str], output: str) -> np.ndarray:
    ids = [e.ids for e in tok.encode_batch(texts)]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    out = None
    for at in range(0, len(order), BATCH):
        rows = order[at : at + BATCH]
        values = run.run([output], feeds([ids[i] for i in rows]))[0]
        if out is None:
            out = np.zeros((len(ids), values.shape[1]), np.float32)
        out[rows] = values
    return out
