"""A random BLIP-2 of two layers, in the form that transformers saves one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

IMAGE, PATCH, WIDTH, HIDDEN, QUERIES = 32, 8, 32, 24, 4
WORDS = ["a", "photo", "of", "fundus", "with", "without", "glaucoma", "non", "disc", "cup", "##s"]
CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,;:-'()/%&+#"
LETTERS = [prefix + one for one in CHARACTERS for prefix in ("", "##")]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *LETTERS]


def make_parts(**changes: Any) -> Any:
    """transformers' model with random weights."""
    transformers = pytest.importorskip("transformers", reason="needs fairbench[blip2]")
    vision = {
        "hidden_size": changes.pop("width", WIDTH),
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": IMAGE,
        "patch_size": PATCH,
        "initializer_range": 0.1,
    }
    qformer = {
        "vocab_size": len(VOCABULARY),
        "hidden_size": HIDDEN,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 48,
        "max_position_embeddings": 64,
        "use_qformer_text_input": True,
        "initializer_range": 0.1,
        **changes,
    }
    text = {
        "model_type": "opt",
        "hidden_size": 8,
        "ffn_dim": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "vocab_size": 8,
    }
    config = transformers.Blip2Config(
        vision_config=vision,
        qformer_config=qformer,
        text_config=text,
        num_query_tokens=QUERIES,
        image_text_hidden_size=16,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts = transformers.Blip2ForImageTextRetrieval(config)
        with torch.no_grad():  # transformers starts them at 0, where all queries are the same
            parts.query_tokens.normal_()
            for parameter in parts.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
    return parts.eval()


def save(parts: Any, folder: Path) -> Path:
    transformers = pytest.importorskip("transformers", reason="needs fairbench[blip2]")
    parts.save_pretrained(folder)
    words = folder / "vocab.txt"
    words.write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    transformers.BertTokenizerFast(str(words)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def parts() -> Any:
    """transformers' own model of the folder."""
    return make_parts()


@pytest.fixture(scope="session")
def folder(parts: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(parts, tmp_path_factory.mktemp("blip2") / "tiny-blip2")


@pytest.fixture(scope="session")
def name(folder: Path) -> str:
    """The model's name on the command line."""
    return f"blip2:{folder}"


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Save another random BLIP-2."""

    def make(**changes: Any) -> Path:
        return save(make_parts(**changes), tmp_path_factory.mktemp("other") / "blip2")

    return make


@pytest.fixture(scope="session")
def blip2(name: str) -> Any:
    from benchmark.model import load_model

    return load_model(name)
