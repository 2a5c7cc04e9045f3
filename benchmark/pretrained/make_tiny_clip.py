"""Pre-train the tiny CLIP that ships with fairbench.

    python -m benchmark.pretrained.make_tiny_clip --out DIR

The corpus is synthetic and never leaves memory: image–summary pairs of the synthetic generator
with a seed of its own and without any group bias. It is stopped early, so that the weights
know what discs, cups and the words for them look like, zero-shot is above chance, and
fine-tuning has something left to learn. See docs/tiny-clip.md.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import open_clip
import torch
import typer
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from benchmark.data.parallel import map_in_order
from benchmark.data.prepare import model_pixels
from benchmark.data.synthetic.config import SyntheticConfig
from benchmark.data.synthetic.samples import draw_split, make_sample
from benchmark.encode import Encoder
from benchmark.model import resize_and_crop
from benchmark.model_names import TINY_DIRECTORY
from benchmark.numerics import numerics
from benchmark.randomness import generator
from variants.contrastive import contrastive_loss

SEED = 20_260
"""Of corpus, initialisation and order; the benchmark's default data have seed 0."""

CORPUS = SyntheticConfig(seed=SEED, train=4000, val=1, test=1, groups={})
EPOCHS = 4
"""Few on purpose: more would leave nothing for fine-tuning to learn."""
BATCH = 64
LR = 1e-3
WEIGHT_DECAY = 0.05
WARM_UP = 0.1


def main(
    out: Annotated[Path, typer.Option(help="Folder for config and weights.")] = TINY_DIRECTORY,
    threads: Annotated[int, typer.Option(help="CPU threads; the weights depend on them.")] = 2,
) -> None:
    """Draw the corpus, pre-train, and write weights in float16."""
    started = time.perf_counter()
    with numerics(threads, deterministic=True):
        torch.manual_seed(SEED)
        model = open_clip.create_model(f"local-dir:{TINY_DIRECTORY}", load_weights=False)
        images, tokens = draw_corpus(model)
        print(f"corpus: {len(images)} pairs, {time.perf_counter() - started:.0f} s", flush=True)
        pretrain(model, images, tokens)
    write_weights(model, tokens, out)
    print(f"written to {out}, {time.perf_counter() - started:.0f} s")


def draw_corpus(model: nn.Module) -> tuple[NDArray[np.uint8], Tensor]:
    """Return (N, 1, 64, 64) images and (N, 77) token ids of the corpus."""
    transform = resize_and_crop(open_clip.get_model_preprocess_cfg(model))
    patients = draw_split(CORPUS, "train")

    def draw(index: int) -> tuple[NDArray[np.uint8], str]:
        sample = make_sample(CORPUS, "train", patients, index)
        return model_pixels(sample.fields["slo_fundus"], transform, "float"), sample.summary

    pairs = list(map_in_order(draw, range(CORPUS.train), "corpus", None))
    tokenizer = open_clip.get_tokenizer(f"local-dir:{TINY_DIRECTORY}")
    return np.stack([image for image, _ in pairs]), tokenizer([text for _, text in pairs])


def pretrain(model: Any, images: NDArray[np.uint8], tokens: Tensor) -> None:
    """Train with CLIP's contrastive loss: AdamW, linear warm-up, cosine to zero."""
    preprocess = open_clip.get_model_preprocess_cfg(model)
    device = torch.device("cpu")
    encoder = Encoder(model, preprocess["mean"], preprocess["std"], device)
    steps = EPOCHS * (len(images) // BATCH)
    optimiser = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, LR, total_steps=steps, pct_start=WARM_UP, cycle_momentum=False
    )
    model.train()
    for epoch in range(EPOCHS):
        order = generator(SEED, "order", epoch).permutation(len(images))
        losses = []
        for start in range(0, len(order) - BATCH + 1, BATCH):
            index = order[start : start + BATCH]
            batch = encoder.pairs(torch.from_numpy(images[index]), tokens[torch.from_numpy(index)])
            loss = contrastive_loss(batch)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                model.logit_scale.clamp_(max=np.log(100))
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}", flush=True)


def write_weights(model: nn.Module, tokens: Tensor, out: Path) -> None:
    """Write config and weights in open_clip's layout.

    Embedding rows of tokens that the corpus never holds are zero: they were never trained,
    and zeros compress to nothing.
    """
    state = {
        name: tensor.detach().half().contiguous() for name, tensor in model.state_dict().items()
    }
    seen = torch.zeros(len(state["token_embedding.weight"]), dtype=torch.bool)
    seen[tokens.flatten()] = True
    state["token_embedding.weight"][~seen] = 0
    out.mkdir(parents=True, exist_ok=True)
    save_file(state, out / "open_clip_model.safetensors")
    if out.resolve() != TINY_DIRECTORY.resolve():
        shutil.copy(TINY_DIRECTORY / "open_clip_config.json", out)


if __name__ == "__main__":
    typer.run(main)
