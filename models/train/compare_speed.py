"""Posts per second of the same texts in Python: onnxruntime on the shipped file, and transformers on its f32 weights.

    cargo bench --bench scoring -- --texts FILE --python PYTHON --f32 DIR

The bench starts this and says on standard input which engine is to score all texts once; the answer is one line of JSON with the seconds
and how many texts came out negative. Each text is tokenised in the measured time, as a program would have to; it is
prepared before. DIR is what dequantise.py writes. Needs onnxruntime, tokenizers, torch and transformers
(tried: 1.31.1, 0.23.3, 2.15.0, 5.24.0).
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import time

import numpy as np
import onnxruntime
import tokenizers
import torch
import transformers
from safetensors.torch import load_file

from prepare import Preparer

MODELS = pathlib.Path(__file__).resolve().parent.parent
BATCH = 32
MAX_TOKENS = 128


def batches(texts: list[str]) -> list[list[str]]:
    return [texts[i : i + BATCH] for i in range(0, len(texts), BATCH)]


class Onnxruntime:
    """int8, all heads."""

    def __init__(self, threads: int):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(MODELS / "overheard.onnx", options, providers=["CPUExecutionProvider"])
        self.tokenizer = tokenizers.Tokenizer.from_file(str(MODELS / "tokenizer.json"))
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.no_padding()

    def score(self, encodings) -> int:
        length = max(len(e.ids) for e in encodings)
        ids = np.zeros((len(encodings), length), np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        sentiment = self.session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return int((sentiment.argmax(1) == 0).sum())

    def as_they_come(self, texts: list[str]) -> int:
        return sum(self.score(self.tokenizer.encode_batch(batch)) for batch in batches(texts))

    def bucketed(self, texts: list[str]) -> int:
        encodings = sorted(self.tokenizer.encode_batch(texts), key=lambda e: len(e.ids))
        return sum(self.score(encodings[i : i + BATCH]) for i in range(0, len(encodings), BATCH))


class Transformers:
    """f32, the sentiment head alone."""

    def __init__(self, f32: pathlib.Path):
        weights = load_file(f32 / "model.safetensors")
        config = transformers.BertConfig.from_pretrained(f32)
        self.model = transformers.BertModel(config, add_pooling_layer=False).eval()
        encoder = {k.removeprefix("bert."): v for k, v in weights.items() if k.startswith("bert.")}
        missing, unexpected = self.model.load_state_dict(encoder, strict=False)
        if unexpected or any("position_ids" not in name for name in missing):
            raise SystemExit(f"the weights do not fit: {missing}, {unexpected}")
        self.weight, self.bias = weights["classifier.weight"], weights["classifier.bias"]
        self.tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(f32 / "tokenizer.json"), pad_token="[PAD]", model_max_length=MAX_TOKENS
        )

    @torch.inference_mode()
    def score(self, texts: list[str]) -> int:
        inputs = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt", return_token_type_ids=False)
        hidden = self.model(**inputs).last_hidden_state
        mask = inputs["attention_mask"].unsqueeze(-1)
        means = (hidden * mask).sum(1) / mask.sum(1)
        return int(((means @ self.weight.T + self.bias).argmax(1) == 0).sum())

    def one_by_one(self, texts: list[str]) -> int:
        return sum(self.score([text]) for text in texts)

    def batched(self, texts: list[str]) -> int:
        return sum(self.score(batch) for batch in batches(texts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=pathlib.Path, help="one text a line")
    parser.add_argument("--f32", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    prepare = Preparer()
    texts = [prepare(line) for line in args.texts.read_text().splitlines()]
    ort, hf = Onnxruntime(args.threads), Transformers(args.f32)
    engines = {
        "onnxruntime int8, as they come": ort.as_they_come,
        "onnxruntime int8, bucketed": ort.bucketed,
        "transformers f32, one by one": hf.one_by_one,
        "transformers f32, batched": hf.batched,
    }
    for engine in engines.values():
        engine(texts[: 2 * BATCH])
    print(json.dumps(list(engines)), flush=True)
    for line in sys.stdin:
        begin = time.perf_counter()
        negative = engines[line.strip()](texts)
        print(json.dumps({"seconds": time.perf_counter() - begin, "negative": negative}), flush=True)


if __name__ == "__main__":
    main()
