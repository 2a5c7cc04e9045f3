from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, log_loss

from variants.adversary import NOT_COUNTED, make_adversary, recognise


def features(n: int, d: int = 5) -> torch.Tensor:
    rows = torch.randn(n, d, generator=torch.Generator().manual_seed(n))
    return torch.nn.functional.normalize(rows, dim=1)


TARGET = torch.tensor([0, 2, -1, 1, 2, 2, -1, 0])


class TestMakeAdversary:
    def test_has_the_layers_of_the_released_modules(self) -> None:
        network = make_adversary(512, (16, 32, 64), groups=3, seed=0)
        linear = [m for m in network if isinstance(m, torch.nn.Linear)]
        assert [(m.in_features, m.out_features) for m in linear] == [
            (512, 16),
            (16, 32),
            (32, 64),
            (64, 3),
        ]
        assert [type(m).__name__ for m in network] == ["Linear", "ReLU"] * 3 + ["Linear"]

    def test_without_hidden_layers_is_a_linear_classifier(self) -> None:
        network = make_adversary(5, (), groups=2, seed=0)
        assert [type(m).__name__ for m in network] == ["Linear"]

    def test_depends_on_its_seed_alone(self) -> None:
        torch.manual_seed(1)
        first = make_adversary(5, (4,), groups=2, seed=7)
        torch.manual_seed(2)
        second, other = (make_adversary(5, (4,), groups=2, seed=s) for s in (7, 8))
        for a, b, c in zip(
            first.parameters(), second.parameters(), other.parameters(), strict=True
        ):
            assert torch.equal(a, b)
            assert not torch.equal(a, c)

    def test_leaves_the_global_generator_where_it_was(self) -> None:
        torch.manual_seed(3)
        expected = torch.rand(4)
        torch.manual_seed(3)
        make_adversary(5, (4,), groups=2, seed=7)
        assert torch.equal(torch.rand(4), expected)


class TestRecognise:
    network = make_adversary(5, (4,), groups=3, seed=0)

    def test_gives_the_cross_entropy_of_the_counted_samples(self) -> None:
        image = features(8)
        entropy, _ = recognise(self.network, image, TARGET)
        counted = TARGET != NOT_COUNTED
        probability = self.network(image[counted]).double().softmax(dim=1).detach().numpy()
        expected = log_loss(TARGET[counted].numpy(), probability, labels=[0, 1, 2])
        assert entropy.item() == pytest.approx(expected, rel=1e-6)

    def test_counts_the_guesses_of_the_counted_samples_by_group(self) -> None:
        network = make_adversary(5, (), groups=3, seed=0)
        image, target = 10 * features(60), TARGET.repeat(8)[:60]
        _, confusion = recognise(network, image, target)
        counted = target != NOT_COUNTED
        guess = network(image).argmax(dim=1)
        assert len(guess.unique()) == 3
        expected = confusion_matrix(target[counted], guess[counted], labels=[0, 1, 2])
        np.testing.assert_array_equal(confusion.detach().numpy(), expected)

    def test_gives_samples_that_are_not_counted_no_gradient(self) -> None:
        image = features(8).requires_grad_()
        entropy, _ = recognise(self.network, image, TARGET)
        (gradient,) = torch.autograd.grad(entropy, image)
        moved = gradient.norm(dim=1) > 0
        assert torch.equal(moved, TARGET != NOT_COUNTED)

    def test_of_nobody_costs_nothing_and_moves_nothing(self) -> None:
        image = features(8).requires_grad_()
        entropy, confusion = recognise(self.network, image, torch.full((8,), NOT_COUNTED))
        assert entropy.item() == 0
        assert not entropy.requires_grad
        assert not confusion.any()

    def test_reads_half_precision_features_in_full_precision(self) -> None:
        image = features(8).half().requires_grad_()
        entropy, _ = recognise(self.network, image, TARGET)
        assert entropy.dtype == torch.float32
        (gradient,) = torch.autograd.grad(entropy, image)
        assert gradient.dtype == torch.float16
