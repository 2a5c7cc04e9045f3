from __future__ import annotations

import pytest
import torch

from variants.scores import all_products, own_products


@pytest.fixture
def queries() -> torch.Tensor:
    """(N, Q, d) features of five images."""
    return torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(0)).double()


@pytest.fixture
def text() -> torch.Tensor:
    return torch.randn(5, 3, generator=torch.Generator().manual_seed(1)).double()


def best_query(image: torch.Tensor, text: torch.Tensor) -> float:
    return max(float(query @ text) for query in image)


class TestAllProducts:
    def test_take_the_closest_query_of_each_pair(
        self, queries: torch.Tensor, text: torch.Tensor
    ) -> None:
        found = all_products(queries, text[:3])
        expected = [[best_query(image, note) for note in text[:3]] for image in queries]
        torch.testing.assert_close(found, torch.tensor(expected).double())

    def test_with_one_query_are_those_of_plain_features(
        self, queries: torch.Tensor, text: torch.Tensor
    ) -> None:
        plain = all_products(queries[:, 0], text)
        torch.testing.assert_close(all_products(queries[:, :1], text), plain)
        torch.testing.assert_close(plain, queries[:, 0] @ text.T)


class TestOwnProducts:
    def test_are_the_diagonal_of_all(self, queries: torch.Tensor, text: torch.Tensor) -> None:
        for image in (queries, queries[:, 0]):
            torch.testing.assert_close(
                own_products(image, text), all_products(image, text).diagonal()
            )
