"""BLIP-2 from a folder or a hub name, with transformers: weights, tokenizer, image size.

A folder holds what `save_pretrained` of transformers' `Blip2ForImageTextRetrieval` and of its
`BertTokenizer` write, and perhaps a `preprocessor_config.json`.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from types import ModuleType
from typing import Any

import open_clip
from torch import Tensor

from benchmark.blip2.image_encoder import BlipEncoder, ClipEncoder, fill, image_encoder_of
from benchmark.blip2.module import Blip2
from benchmark.blip2.tokenizer import Blip2Tokenizer
from benchmark.errors import FairbenchError
from benchmark.model import LoadedModel, quiet, resize_and_crop, weights_hash
from benchmark.model_names import BLIP2_PREFIX

_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_HUB_FILES = ("*.json", "*.txt", "*.safetensors")
_BERT = ("BertTokenizer", "BertTokenizerFast")
_QFORMER_FIELDS = (
    "hidden_act",
    "layer_norm_eps",
    "num_attention_heads",
    "cross_attention_frequency",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
)


def load_blip2(name: str, pretrained: str | None) -> LoadedModel:
    """Return the model with its initial weights.

    Args:
        name: `blip2:` before a folder, or before a name on the Hugging Face hub.
        pretrained: None; or a file with the weights of another image encoder (see
            `image_encoder_of`), or with those that a run kept of such a model.

    Raises:
        FairbenchError: transformers is not installed, or a folder or file cannot be used.
    """
    transformers = _transformers(name)
    folder = _folder(name)
    with quiet(), _no_progress_bar(transformers):
        parts = _parts(transformers, folder)
        tokenizer = _tokenizer(transformers, folder, len(parts.embeddings.word_embeddings.weight))
    own, kept = BlipEncoder(parts.vision_model), None
    encoder: BlipEncoder | ClipEncoder = own
    if pretrained is not None:
        state = _read(pretrained)
        kept = state if {"query_tokens", "logit_scale"} <= state.keys() else None
        encoder = image_encoder_of(_encoder_part(state) if kept else state, own, pretrained)
    wanted = parts.config.qformer_config.encoder_hidden_size
    if encoder.width != wanted:
        raise FairbenchError(
            f"{pretrained}: patches have {encoder.width} features and the Q-Former of {folder} "
            f"reads {wanted}; give a BLIP2 folder whose Q-Former reads {encoder.width}"
        )
    module = Blip2(parts, encoder, int(tokenizer.pad_token_id))
    if kept is not None:
        fill(module, kept, str(pretrained))
    preprocess = _preprocess(folder, encoder.image_size)
    return LoadedModel(
        name=name,
        pretrained=pretrained,
        module=module,
        transform=resize_and_crop(preprocess),
        mean=tuple(preprocess["mean"]),
        std=tuple(preprocess["std"]),
        tokenizer=Blip2Tokenizer(tokenizer),
        weights_hash=weights_hash(_architecture(parts, encoder, tokenizer), module, preprocess),
    )


def _transformers(name: str) -> ModuleType:
    try:
        import transformers
    except ImportError as error:
        raise FairbenchError(
            f"model '{name}' needs the package transformers: pip install 'fairbench[blip2]'"
        ) from error
    return transformers


@contextmanager
def _no_progress_bar(transformers: ModuleType) -> Iterator[None]:
    """Keep transformers' bar of weights out of the command's output."""
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _folder(name: str) -> Path:
    """Return the local folder; that of a hub name is downloaded where it is not in the cache."""
    given = name.removeprefix(BLIP2_PREFIX)
    folder = Path(given).expanduser()
    if folder.is_dir():
        return folder
    if not _HUB_NAME.fullmatch(given):
        raise FairbenchError(f"model '{name}': no folder {given}")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(given, allow_patterns=list(_HUB_FILES)))
    except Exception as error:
        raise FairbenchError(
            f"model '{name}': {given} is no folder and cannot be had from the hub "
            f"({_reason(error)}); without a network give a local folder"
        ) from error


def _parts(transformers: ModuleType, folder: Path) -> Any:
    """Return transformers' model in float32, every weight of it from the folder."""
    config = _json(folder / "config.json")
    kind = config.get("model_type")
    if kind != "blip-2":
        raise FairbenchError(
            f"{folder / 'config.json'}: field 'model_type' is {kind!r}; BLIP2 is 'blip-2'"
        )
    try:
        # Eager attention is deterministic on every device and version.
        parts, report = transformers.Blip2ForImageTextRetrieval.from_pretrained(
            folder, local_files_only=True, output_loading_info=True, attn_implementation="eager"
        )
    except Exception as error:
        raise FairbenchError(
            f"{folder}: cannot be loaded as BLIP2 for image-text retrieval ({_reason(error)})"
        ) from error
    absent = sorted([*report["missing_keys"], *map(str, report["mismatched_keys"])])
    if absent:
        raise FairbenchError(
            f"{folder}: '{absent[0]}' and {len(absent) - 1} more weights are missing or of another "
            "shape; give a checkpoint for image-text retrieval (Blip2ForImageTextRetrieval)"
        )
    if not parts.config.qformer_config.use_qformer_text_input:
        raise FairbenchError(
            f"{folder / 'config.json'}: use_qformer_text_input is false, so its Q-Former reads no "
            "text; give a checkpoint for image-text retrieval (Blip2ForImageTextRetrieval)"
        )
    return parts.float()


def _tokenizer(transformers: ModuleType, folder: Path, rows: int) -> Any:
    # transformers makes an empty vocabulary where it finds none, and any class of another's.
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt")):
        raise FairbenchError(
            f"{folder}: no tokenizer.json and no vocab.txt; save the tokenizer there with "
            "save_pretrained"
        )
    path = folder / "tokenizer_config.json"
    kind = _json(path).get("tokenizer_class", _BERT[0]) if path.is_file() else _BERT[0]
    if kind not in _BERT:
        raise FairbenchError(
            f"{path}: field 'tokenizer_class' is {kind!r}; the Q-Former reads BERT's word pieces"
        )
    try:
        tokenizer = transformers.BertTokenizerFast.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise FairbenchError(
            f"{folder}: its tokenizer cannot be loaded ({_reason(error)}); save it there again "
            "with save_pretrained"
        ) from error
    if tokenizer.vocab_size > rows:  # added entries, such as <image>, need no embedding
        raise FairbenchError(
            f"{folder}: the tokenizer has {tokenizer.vocab_size} entries, the model embeds {rows}; "
            "they are not of one checkpoint"
        )
    return tokenizer


def _read(path: str) -> dict[str, Tensor]:
    """Return name → tensor of a file, in float32, without executing anything in it."""
    try:
        state = open_clip.factory.load_state_dict(path, weights_only=True)
    except pickle.UnpicklingError as error:
        raise FairbenchError(
            f"weights '{path}' hold more than tensors, and nothing in them is executed; "
            "save the model's state_dict()"
        ) from error
    except Exception as error:
        raise FairbenchError(f"weights '{path}' cannot be read ({_reason(error)})") from error
    if not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise FairbenchError(f"weights '{path}' are no state dict; save the model's state_dict()")
    return {name: tensor.float() for name, tensor in state.items()}


def _encoder_part(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the image encoder's weights of those that a run kept."""
    prefix = "image_encoder."
    return {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}


def _preprocess(folder: Path, size: int) -> dict[str, Any]:
    """Return what BLIP-2 does to an image: to a square, whatever its shape, by bicubic resizing.

    Size is the image encoder's, mean and standard deviation the folder's, or else CLIP's.
    Source: `BlipImageEvalProcessor` in LAVIS; `BlipImageProcessor` in transformers.
    """
    path = folder / "preprocessor_config.json"
    given = _json(path) if path.is_file() else {}
    return {
        "size": (size, size),
        "mean": tuple(given.get("image_mean", open_clip.OPENAI_DATASET_MEAN)),
        "std": tuple(given.get("image_std", open_clip.OPENAI_DATASET_STD)),
        "interpolation": "bicubic",
        "resize_mode": "squash",
        "fill_color": 0,
    }


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FairbenchError(f"{path}: cannot be read ({_reason(error)})") from error
    return found


def _architecture(parts: Any, encoder: BlipEncoder | ClipEncoder, tokenizer: Any) -> str:
    """Return as JSON what the shapes of the weights do not show, and the vocabulary."""
    qformer = parts.config.qformer_config
    described = {
        "image_encoder": encoder.description,
        "qformer": {name: getattr(qformer, name) for name in _QFORMER_FIELDS},
        "vocabulary": sorted(tokenizer.get_vocab().items()),
        "lower_case": getattr(tokenizer, "do_lower_case", None),
    }
    return json.dumps(described, sort_keys=True)


def _reason(error: Exception) -> str:
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return shorten(text, 240, placeholder=" …")
