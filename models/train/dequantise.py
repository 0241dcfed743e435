"""Turns the committed int8 graph back into f32: ONNX, and safetensors for libraries that read Hugging Face's BERT.

    python models/train/dequantise.py [--out DIR]

Writes `overheard-f32.onnx`, `model.safetensors`, `config.json` and `tokenizer.json` under DIR (default:
target/f32, which git ignores). All hold the very numbers of the int8 file, so two engines on them differ by
rounding alone; the int8 file itself differs by what quantising the activations does.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import shutil

import numpy as np
import onnx
from onnx import numpy_helper

import encoder

MODELS = pathlib.Path(__file__).resolve().parent.parent
VOCABULARY = 30522


def read(path: pathlib.Path) -> tuple[dict[str, np.ndarray], dict[str, encoder.Head]]:
    """(state dict, heads) of an int8 graph of `encoder.build`."""
    model = onnx.load(path)
    c = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    if "words.q" not in c:
        raise SystemExit(f"{path} is no int8 graph of encoder.build")
    weights = {"embeddings.word_embeddings.weight": c["words.q"].astype(np.float32) * c["words.s"]}
    # The token type is folded into the positions.
    weights["embeddings.position_embeddings.weight"] = c["places"]
    weights["embeddings.token_type_embeddings.weight"] = np.zeros((2, encoder.HIDDEN), np.float32)
    for name, value in c.items():
        base = name[:-2]
        if name.endswith(".g"):
            weights[f"{base}.weight"], weights[f"{base}.bias"] = value, c[f"{base}.b"]
        elif name.endswith(".q") and base != "words":
            w = value.astype(np.float32) * c[f"{base}.s"]
            # Query, key and value share their input and so the factors, which stand under the query's name.
            shared = base.replace(".key", ".query").replace(".value", ".query")
            if f"{shared}.smooth" in c:
                w = w * c[f"{shared}.smooth"][:, None]
            weights[f"{base}.weight"], weights[f"{base}.bias"] = w.T, c[f"{base}.b"]
    heads = {}
    for name in (n[:-2] for n in c if n.endswith(".w")):
        layers = [encoder.LAYERS] if len(c[f"{name}.w"]) == encoder.HIDDEN else [2, 4, 6]
        heads[name] = (layers, c[f"{name}.w"], c[f"{name}.b"])
    return weights, heads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default=MODELS / "overheard.onnx")
    parser.add_argument("--out", type=pathlib.Path, default=MODELS.parent / "target" / "f32")
    args = parser.parse_args()
    weights, heads = read(args.model)
    args.out.mkdir(parents=True, exist_ok=True)
    onnx.save(encoder.build(weights, heads), args.out / "overheard-f32.onnx")
    encoder.write_safetensors(args.out / "model.safetensors", weights, heads)
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": VOCABULARY,
        "hidden_size": encoder.HIDDEN,
        "num_hidden_layers": encoder.LAYERS,
        "num_attention_heads": encoder.HEADS,
        "intermediate_size": 4 * encoder.HIDDEN,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": len(weights["embeddings.position_embeddings.weight"]),
        "type_vocab_size": 2,
        "pad_token_id": 0,
        "id2label": {str(i): name for i, name in enumerate(json.loads((MODELS / "labels.json").read_text())["sentiment"]["labels"])},
    }
    config["label2id"] = {name: int(i) for i, name in config["id2label"].items()}
    (args.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    shutil.copyfile(MODELS / "tokenizer.json", args.out / "tokenizer.json")
    print(f"wrote {args.out}")


if __name__ == "__main__":
    main()
