"""An output layer on random features of the embedding."""

import torch
from torch import Tensor, nn


class RandomFeatures(nn.Linear):
    """A linear output layer on phi = ReLU(embedding @ projection), with a fixed random projection.

    `weight` (classes, E) and `bias` (classes,) are those of the linear layer, as in every detector's output.

    Args:
        projection: (e, E), e the embedding's size; saved with the detector, never trained.
        n_classes: size of the logits.
    """

    projection: Tensor

    def __init__(self, projection: Tensor, n_classes: int):
        super().__init__(projection.shape[1], n_classes, device=projection.device, dtype=projection.dtype)
        self.register_buffer("projection", projection)

    def features(self, embedding: Tensor) -> Tensor:
        """phi (B, E) of embeddings (B, e)."""
        return torch.relu(embedding @ self.projection)

    def forward(self, input: Tensor) -> Tensor:
        """Logits (B, classes) of embeddings (B, e)."""
        return super().forward(self.features(input))
