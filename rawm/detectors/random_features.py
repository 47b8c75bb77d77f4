"""An output layer on random features of the embedding."""

import math

import torch
from torch import Tensor, nn


class RandomFeatures(nn.Linear):
    """A linear output layer on phi = ReLU(clip(embedding) @ projection + offset), with fixed random numbers.

    `weight` (classes, E) and `bias` (classes,) are those of the linear layer, as in every detector's output. The other
    tensors are saved with the detector and never trained.

    Args:
        projection: (e, E), e the embedding's size.
        n_classes: size of the logits.
        offset: (E,); 0 by default.
        clip: the embedding is limited to [-clip, clip] first; not at all by default.
    """

    projection: Tensor
    offset: Tensor
    clip: Tensor

    def __init__(self, projection: Tensor, n_classes: int, offset: Tensor | None = None, clip: float = math.inf):
        super().__init__(projection.shape[1], n_classes, device=projection.device, dtype=projection.dtype)
        self.register_buffer("projection", projection)
        self.register_buffer("offset", projection.new_zeros(projection.shape[1]) if offset is None else offset)
        self.register_buffer("clip", projection.new_tensor(clip))

    def extended(self, n_classes: int) -> "RandomFeatures":
        """A layer with the same random features and other weights, for more classes."""
        return RandomFeatures(self.projection, n_classes, self.offset, float(self.clip))

    def features(self, embedding: Tensor) -> Tensor:
        """phi (B, E) of embeddings (B, e)."""
        return torch.relu(embedding.clamp(-self.clip, self.clip) @ self.projection + self.offset)

    def forward(self, input: Tensor) -> Tensor:
        """Logits (B, classes) of embeddings (B, e)."""
        return super().forward(self.features(input))
