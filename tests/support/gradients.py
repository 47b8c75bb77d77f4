"""Gradients of single samples, by a plain loop."""

import torch

from rawm.detectors.scoring import evaluating


def loop(detector, samples, scalar, what):
    """Name -> mean over samples of `what` of the gradient of `scalar`, one backward pass a sample."""
    total = {name: torch.zeros_like(p) for name, p in detector.named_parameters()}
    with evaluating(detector):
        for row in range(len(samples)):
            batch = samples.batch(torch.tensor([row]))
            detector.zero_grad()
            scalar(detector(batch.features, batch.lengths).logits[0], batch.labels[0]).backward()
            for name, p in detector.named_parameters():
                total[name] += what(p.grad) / len(samples)
    return total
