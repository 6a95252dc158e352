"""Normal samples in float64."""

import torch
from torch import Tensor


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64)


def ssl_like(n: int, d: int, seed: int = 0) -> Tensor:
    """Variances that fall with the feature, as in SSL embeddings."""
    return normal(n, d, seed) * torch.arange(1, d + 1) ** -0.75
