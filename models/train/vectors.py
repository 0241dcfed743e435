"""Runs an ONNX graph of `encoder.build` over texts in onnxruntime, in batches of like length."""

from __future__ import annotations

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

import encoder

MAX_TOKENS, BATCH = 128, 64


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
    run = session(encoder.build(weights, {"embedding": ([encoder.LAYERS], None, None)}, taps=True).SerializeToString(), threads)
    names = [o.name for o in run.get_outputs() if o.name.startswith("tap:")]
    out: dict[str, np.ndarray] = {}
    for i in range(0, len(texts), 16):
        feed = feeds([e.ids for e in tok.encode_batch(texts[i : i + 16])])
        for name, value in zip(names, run.run(names, feed)):
            peak = np.abs(value[feed["attention_mask"] > 0]).max(axis=0)
            out[name[4:]] = np.maximum(out.get(name[4:], 0), peak)
    return out


def encode(model: bytes, tok: Tokenizer, texts: list[str], threads: int) -> dict[str, np.ndarray]:
    """Every output of the graph, [n, width] f32, in the order of `texts`."""
    run = session(model, threads)
    names = [o.name for o in run.get_outputs()]
    ids = [e.ids for e in tok.encode_batch(texts)]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    out: dict[str, np.ndarray] = {}
    for at in range(0, len(order), BATCH):
        rows = order[at : at + BATCH]
        for name, values in zip(names, run.run(names, feeds([ids[i] for i in rows]))):
            out.setdefault(name, np.zeros((len(ids), values.shape[1]), np.float32))[rows] = values
    return out
