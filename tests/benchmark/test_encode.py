from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from benchmark.data.dataset import Dataset
from benchmark.encode import (
    Encoder,
    batch_norms,
    module_mode,
    statistics_kept,
)
from benchmark.pair_tensors import PairTensors

CPU = torch.device("cpu")


class Identity(torch.nn.Module):
    """Keeps what the towers are given, and gives back unnormalised features."""

    def __init__(self) -> None:
        super().__init__()
        self.logit_scale = torch.nn.Parameter(torch.tensor(np.log(14.3)).float())
        self.seen: list[torch.Tensor] = []

    def encode_image(self, values: torch.Tensor) -> torch.Tensor:
        self.seen.append(values)
        return values.expand(-1, 3, -1, -1).flatten(1)[:, :16]


def encoder(model: Any, module: Any = None, **arguments: Any) -> Encoder:
    return Encoder(module or model.module, model.mean, model.std, CPU, **arguments)


class TestPixels:
    @pytest.mark.parametrize("channels", [1, 3])
    def test_are_normalised_as_torchvision_does_bit_for_bit(
        self, channels: int, small_clip: Any
    ) -> None:
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, size=(5, channels, 16, 16), dtype=np.uint8)
        images[0] = np.arange(256, dtype=np.uint8).reshape(16, 16)
        published = transforms.Compose(
            [
                transforms.Lambda(lambda image: image.convert("RGB")),
                transforms.ToTensor(),
                transforms.Normalize(small_clip.mean, small_clip.std),
            ]
        )
        expected = torch.stack([published(Image.fromarray(_last(image))) for image in images])
        module = Identity()
        encoder(small_clip, module).image(torch.from_numpy(images))
        assert torch.equal(module.seen[0].expand(-1, 3, -1, -1), expected)


def _last(image: np.ndarray) -> np.ndarray:
    return image[0] if len(image) == 1 else np.ascontiguousarray(np.moveaxis(image, 0, -1))


class TestFeatures:
    @pytest.fixture
    def batch(self, small_data: Dataset) -> tuple[torch.Tensor, torch.Tensor]:
        pairs, index = PairTensors(small_data.splits["train"], CPU), np.arange(6)
        return pairs.images(index), pairs.tokens(index)

    def test_are_open_clips_normalised_features(self, batch: Any, small_clip: Any) -> None:
        images, tokens = batch
        features = encoder(small_clip).pairs(images, tokens)
        mean, std = (torch.tensor(v)[:, None, None] for v in (small_clip.mean, small_clip.std))
        values = ((images.float() / 255) - mean) / std
        image, text, scale = small_clip.module(values, tokens)
        torch.testing.assert_close(features.image, image, rtol=1e-6, atol=1e-7)
        torch.testing.assert_close(features.text, text, rtol=1e-6, atol=1e-7)
        assert torch.equal(features.logit_scale, scale)

    def test_of_a_grey_image_are_those_of_three_equal_channels(
        self, batch: Any, small_clip: Any
    ) -> None:
        grey = batch[0]
        colour = grey.expand(-1, 3, -1, -1).contiguous()
        assert torch.equal(encoder(small_clip).image(grey), encoder(small_clip).image(colour))

    def test_under_bfloat16_autocast_are_float32_unit_rows_close_to_the_full_ones(
        self, batch: Any, small_clip: Any
    ) -> None:
        full = encoder(small_clip).pairs(*batch)
        mixed = encoder(small_clip, autocast=True).pairs(*batch)
        for a, b in ((full.image, mixed.image), (full.text, mixed.text)):
            assert b.dtype == torch.float32
            torch.testing.assert_close(b.norm(dim=1), torch.ones(6))
            assert not torch.equal(a, b)
            assert (a - b).abs().max() < 0.05

    def test_carry_gradients_to_the_weights_under_autocast(
        self, batch: Any, small_clip: Any
    ) -> None:
        mixed = encoder(small_clip, autocast=True).pairs(*batch)
        weight = small_clip.module.visual.proj
        (gradient,) = torch.autograd.grad(mixed.image[:, 0].sum(), weight)
        assert gradient.dtype == torch.float32
        assert gradient.norm() > 0


class TestModuleMode:
    @pytest.mark.parametrize(
        ("mode", "steps", "evaluation"),
        [("switched", True, False), ("train", True, True), ("eval", False, False)],
    )
    def test_is_what_the_protocol_says_and_is_put_back(
        self, mode: str, steps: bool, evaluation: bool
    ) -> None:
        module = torch.nn.Sequential(torch.nn.Dropout())
        for before in (True, False):
            module.train(before)
            with module_mode(module, mode, training=True):
                assert module[0].training is steps
            with module_mode(module, mode, training=False):
                assert module[0].training is evaluation
            assert module[0].training is before


class TestRawFeatures:
    def test_are_the_unit_ones_times_their_norm(self, small_data: Dataset, small_clip: Any) -> None:
        pairs, index = PairTensors(small_data.splits["train"], CPU), np.arange(6)
        images, tokens = pairs.images(index), pairs.tokens(index)
        raw, unit = encoder(small_clip, unit=False), encoder(small_clip)
        for kind, batch in (("image", images), ("text", tokens)):
            rows = getattr(raw, kind)(batch)
            norms = rows.norm(dim=1, keepdim=True)
            assert (norms - 1).abs().max() > 0.1
            torch.testing.assert_close(rows / norms, getattr(unit, kind)(batch))


class TestStatisticsKept:
    def network(self) -> torch.nn.Sequential:
        return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2))

    @pytest.mark.parametrize("training", [True, False])
    def test_leaves_every_buffer_and_no_output_changed(self, training: bool) -> None:
        network, twin = self.network().train(training), self.network().train(training)
        twin.load_state_dict(network.state_dict())
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        images = torch.randn(4, 1, 3, 3)
        with statistics_kept(network):
            kept = network(images)
        assert torch.equal(kept, twin(images))
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, before[name])
        assert network.training is training

    def test_lets_later_batches_move_them_again(self) -> None:
        network = self.network().train()
        with statistics_kept(network):
            network(torch.randn(4, 1, 3, 3))
        before = network.state_dict()["1.running_mean"].clone()
        network(torch.randn(4, 1, 3, 3))
        assert not torch.equal(network.state_dict()["1.running_mean"], before)

    def test_names_the_batch_norms_with_statistics(self) -> None:
        without = torch.nn.BatchNorm1d(3, track_running_stats=False)
        inner = self.network()
        network = torch.nn.Sequential(inner, without, torch.nn.LayerNorm(3))
        assert batch_norms(network) == [inner[1]]
