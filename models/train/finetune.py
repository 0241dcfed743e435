"""Fine-tunes every weight of the encoder on all heads together, on a CPU, resumable.

The model has MiniLM's shape and the names of its state dict, so that `encoder.build` exports what
is trained here. It reads rows from `data` and knows nothing of export, calibration or reports.

A loss is masked where a set says nothing about a head. Batches hold texts of like length. The weights
that come out are an exponential moving average of those that were trained. With the same seed,
threads and library versions a run repeats itself up to the order of floating-point sums.
"""

from __future__ import annotations

import dataclasses
import math
import pathlib
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import data
import encoder
import vectors

EPSILON = 1e-12
SMOOTHING = 0.05  # of sentiment's classes
CLASS_WEIGHT = [1.5, 1.0, 1.0]  # negative is rare in tweets
POSITIVE_WEIGHT = {"emotions": 1.5, "intents": 2.0}
# The losses of independent labels are summed over the labels; this brings them to the size of the others.
# The weight of the emotions is the stage's.
HEAD_WEIGHT = {"sentiment": 1.0, "intents": 0.5, "urgency": 0.5}
OUTPUTS = {"sentiment": 3, "emotions": len(data.EMOTIONS), "intents": len(data.INTENTS), "urgency": len(data.URGENCIES)}


@dataclasses.dataclass
class Stage:
    """One run of the optimiser: learning rate from 0 over a warm-up to `rate`, then a cosine down to 0."""

    name: str
    epochs: float
    rate: float
    repeats: dict[str, int]  # how often a set's rows stand in an epoch; 1 unless named, 0 leaves it out
    head_rate: float = 5e-4
    decay: float = 0.9  # of the learning rate, a layer down
    batch: int = 32
    tokens: int = 64
    dropout: float = 0.1
    weight_decay: float = 0.01
    warmup: float = 0.06
    clip: float = 1.0
    average: float = 0.99  # of the moving average, every `average_every` steps
    average_every: int = 8
    seed: int = 1
    stop: int | None = None  # after so many steps, with the rate still up
    emotions: float = 0.25  # weight of their loss
    quantised: bool = False  # linear layers compute what the int8 graph will


class Rounded(nn.Linear):
    """A linear layer that rounds as the int8 graph of `encoder` does, once `factor` (of `encoder.smoothing`, or ones) is set.

    Gradients pass as if nothing were rounded (Bengio et al. 2013, straight-through).
    """

    factor: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.factor is None:
            return super().forward(x)
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            w = self.weight.float() * self.factor
            scale = w.abs().amax(1, keepdim=True) / encoder.BITS_LIMIT
            w = (w / scale).round() * scale / self.factor - self.weight
            y = x.float() / self.factor
            low, high = y.min().clamp(max=0), y.max().clamp(min=0)
            scale = ((high - low) / 255).clamp(min=1e-9)
            y = (y / scale).round() * scale * self.factor - x
        return F.linear(x + y, self.weight + w, self.bias)


class Layer(nn.Module):
    def __init__(self, dropout: float):
        super().__init__()
        h = encoder.HIDDEN
        attention = nn.Module()
        attention.self = nn.Module()
        for part in ("query", "key", "value"):
            setattr(attention.self, part, Rounded(h, h))
        attention.output = nn.Module()
        attention.output.dense, attention.output.LayerNorm = Rounded(h, h), nn.LayerNorm(h, EPSILON)
        self.attention = attention
        self.intermediate, self.output = nn.Module(), nn.Module()
        self.intermediate.dense = Rounded(h, 4 * h)
        self.output.dense, self.output.LayerNorm = Rounded(4 * h, h), nn.LayerNorm(h, EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        b, t, h = x.shape
        a = self.attention
        q, k, v = (lin(x).view(b, t, encoder.HEADS, -1).transpose(1, 2) for lin in (a.self.query, a.self.key, a.self.value))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        y = a.output.dense(y.transpose(1, 2).reshape(b, t, h))
        x = a.output.LayerNorm(self.dropout(y) + x)
        y = self.output.dense(F.gelu(self.intermediate.dense(x)))
        return self.output.LayerNorm(self.dropout(y) + x)


class Model(nn.Module):
    """The encoder under its Hugging Face names, and a linear head an output on the last layer's mean."""

    def __init__(self, dropout: float):
        super().__init__()
        h = encoder.HIDDEN
        self.embeddings = nn.Module()
        self.embeddings.word_embeddings = nn.Embedding(30522, h)
        self.embeddings.position_embeddings = nn.Embedding(512, h)
        self.embeddings.token_type_embeddings = nn.Embedding(2, h)
        self.embeddings.LayerNorm = nn.LayerNorm(h, EPSILON)
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList(Layer(dropout) for _ in range(encoder.LAYERS))
        self.heads = nn.ModuleDict({name: nn.Linear(h, n) for name, n in OUTPUTS.items()})
        for head in self.heads.values():
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        e = self.embeddings
        places = torch.arange(ids.shape[1])
        x = e.word_embeddings(ids) + e.position_embeddings(places) + e.token_type_embeddings.weight[0]
        x = self.dropout(e.LayerNorm(x))
        bias = ((1 - mask) * -10000.0)[:, None, None, :]
        for layer in self.encoder.layer:
            x = layer(x, bias)
        pooled = (x.float() * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
        pooled = self.dropout(pooled)
        return {name: head(pooled).float() for name, head in self.heads.items()}


def losses(out: dict[str, torch.Tensor], y: dict[str, torch.Tensor], w: dict[str, torch.Tensor], emotions: float) -> torch.Tensor:
    """The batch's loss: each head's, weighted by row; NaN labels count nothing."""
    total = torch.zeros(())
    for name in OUTPUTS:
        known = ~torch.isnan(y[name])
        target = torch.where(known, y[name], 0.0)
        if name in ("sentiment", "urgency"):
            classes = target.shape[1]
            weight = torch.tensor(CLASS_WEIGHT) if name == "sentiment" else torch.ones(classes)
            soft = target * (1 - SMOOTHING) + SMOOTHING / classes
            each = -(soft * F.log_softmax(out[name], 1)).sum(1) * (target * weight).sum(1) * known.any(1)
        else:
            positive = torch.tensor(POSITIVE_WEIGHT[name])
            each = F.binary_cross_entropy_with_logits(out[name], target, reduction="none", pos_weight=positive)
            each = (each * known).sum(1)
        total = total + HEAD_WEIGHT.get(name, emotions) * (each * w[name]).mean()
    return total


class Batches:
    """The training rows of all sets, tokenised once; an epoch is a seeded order of batches of like length."""

    def __init__(self, sets: list[data.Rows], tok, stage: Stage):
        self.stage = stage
        texts, self.y, self.w = [], {k: [] for k in OUTPUTS}, {k: [] for k in OUTPUTS}
        repeats = []
        for s in sets:
            keep = np.flatnonzero(s.split() >= 2)
            times = stage.repeats.get(s.name, 1)
            if times == 0:
                continue
            texts += [s.texts[i] for i in keep]
            repeats += [times] * len(keep)
            for name in OUTPUTS:
                self.y[name].append(getattr(s, name)[keep])
                self.w[name].append(np.full(len(keep), s.weights.get(name, 1.0), np.float32))
        self.y = {k: torch.from_numpy(np.concatenate(v)) for k, v in self.y.items()}
        self.w = {k: torch.from_numpy(np.concatenate(v)) for k, v in self.w.items()}
        self.ids = [tok_ids[: stage.tokens - 1] + tok_ids[-1:] if len(tok_ids) > stage.tokens else tok_ids for tok_ids in (e.ids for e in tok.encode_batch(texts))]
        self.rows = np.repeat(np.arange(len(texts)), repeats)

    def epoch(self, number: int) -> list[np.ndarray]:
        rng = np.random.default_rng([self.stage.seed, number])
        size = self.stage.batch
        order, out = rng.permutation(self.rows), []
        for start in range(0, len(order), size * 64):
            window = order[start : start + size * 64]
            window = window[np.argsort([len(self.ids[i]) for i in window], kind="stable")]
            out += [window[i : i + size] for i in range(0, len(window), size)]
        return [out[i] for i in rng.permutation(len(out))]

    def tensors(self, rows: np.ndarray):
        ids, mask = pad([self.ids[i] for i in rows])
        pick = torch.from_numpy(rows)
        return ids, mask, {k: v[pick] for k, v in self.y.items()}, {k: v[pick] for k, v in self.w.items()}


def pad(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, rows))
    ids, mask = torch.zeros(len(rows), width, dtype=torch.long), torch.zeros(len(rows), width)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return ids, mask


def groups(model: Model, stage: Stage) -> list[dict]:
    """Parameter groups: the rate falls by `decay` a layer downwards; norms and biases do not shrink."""
    out: dict[tuple[float, bool], list] = {}
    for name, p in model.named_parameters():
        if name.startswith("heads."):
            rate = stage.head_rate
        else:
            depth = int(name.split(".")[2]) + 1 if name.startswith("encoder.") else 0
            rate = stage.rate * stage.decay ** (encoder.LAYERS - depth)
        shrinks = p.ndim > 1 and "embeddings" not in name
        out.setdefault((rate, shrinks), []).append(p)
    return [{"params": ps, "lr": rate, "weight_decay": stage.weight_decay if shrinks else 0.0} for (rate, shrinks), ps in out.items()]


def start(weights: dict[str, np.ndarray], dropout: float) -> Model:
    """A model from a state dict; heads that it lacks begin at random."""
    model = Model(dropout)
    own = model.state_dict()
    found = {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in weights.items() if k in own}
    missing = [k for k in own if k not in found and not k.startswith("heads.")]
    if missing:
        raise SystemExit(f"the encoder's weights lack {missing[:3]}: expected the state dict of all-MiniLM-L6-v2")
    model.load_state_dict(found, strict=False)
    return model


def round_layers(model: Model, smooth: dict[str, np.ndarray]) -> None:
    """Makes the linear layers of the encoder round, with the factors by name."""
    for name, part in model.named_modules():
        if isinstance(part, Rounded):
            part.factor = torch.from_numpy(smooth[name]) if name in smooth else torch.ones(part.in_features)


def threads(n: int) -> None:
    torch.set_num_threads(n)


def run(stage: Stage, weights: dict[str, np.ndarray], sets: list[data.Rows], tok, cache: pathlib.Path, bf16: bool, every: int = 250) -> dict[str, np.ndarray]:
    """Trains `stage` from `weights` and returns the averaged state dict; goes on from a checkpoint in `cache`."""
    done = cache / f"{stage.name}-done.pt"
    if done.exists():
        print(f"{stage.name}: done before, {done}", flush=True)
        return {k: v.numpy() for k, v in torch.load(done).items()}
    torch.manual_seed(stage.seed)
    model = start(weights, stage.dropout)
    batches = Batches(sets, tok, stage)
    if stage.quantised:
        sample = [text for s in sets if s.name in encoder.SAMPLE for text in s.texts[:128]]
        round_layers(model, encoder.smoothing(weights, vectors.peaks(weights, tok, sample, torch.get_num_threads())))
    optimiser = torch.optim.AdamW(groups(model, stage), betas=(0.9, 0.98), eps=1e-6, fused=True)
    whole = len(batches.epoch(0))
    total = int(whole * stage.epochs)
    end = total if stage.stop is None else min(stage.stop, total)
    warm = max(1, int(total * stage.warmup))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: (s + 1) / warm if s < warm else 0.5 * (1 + math.cos(math.pi * (s - warm) / max(1, total - warm))))
    average = {k: v.clone() for k, v in model.state_dict().items()}
    step, file = 0, cache / f"{stage.name}.pt"
    if file.exists():
        saved = torch.load(file)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        average, step = saved["average"], saved["step"]
    print(f"{stage.name}: {len(batches.rows)} rows an epoch, {end} of {total} steps, from step {step}", flush=True)
    model.train()
    number, order = -1, []
    began, seen, mean = time.monotonic(), 0, 0.0
    while step < end:
        if step // whole != number:
            number = step // whole
            order = batches.epoch(number)
        torch.manual_seed(stage.seed * 1_000_003 + step)
        ids, mask, y, w = batches.tensors(order[step % whole])
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            out = model(ids, mask)
        loss = losses(out, y, w, stage.emotions)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), stage.clip)
        optimiser.step()
        schedule.step()
        step, seen = step + 1, seen + len(ids)
        mean = loss.item() if mean == 0 else 0.98 * mean + 0.02 * loss.item()
        if step % stage.average_every == 0:
            # Early on the average follows closely, or it would remember the start.
            keep = min(stage.average, (1 + step / stage.average_every) / (10 + step / stage.average_every))
            with torch.no_grad():
                for k, v in model.state_dict().items():
                    average[k].lerp_(v, 1 - keep)
        if step % 100 == 0:
            rate = seen / (time.monotonic() - began)
            print(f"{time.strftime('%H:%M:%S', time.gmtime())} {stage.name} {step}/{end} loss {mean:.4f} {rate:.0f}/s, {(end - step) * stage.batch / rate / 60:.0f} min left", flush=True)
        if step % every == 0:
            state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict(), "average": average, "step": step}
            torch.save(state, file.with_suffix(".part"))
            file.with_suffix(".part").rename(file)
    torch.save(average, done)
    file.unlink(missing_ok=True)
    return {k: v.numpy() for k, v in average.items()}
