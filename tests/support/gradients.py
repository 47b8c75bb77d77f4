"""Per-sample gradients by a plain loop, a reference for tests."""

import torch

from rawm.detectors.scoring import evaluating


def loop(detector, samples, scalar, transform):
    """Parameter name -> mean over samples of transform(gradient of scalar), one backward pass per sample."""
    total = {name: torch.zeros_like(p) for name, p in detector.named_parameters()}
    with evaluating(detector):
        for row in range(len(samples)):
            batch = samples.batch(torch.tensor([row]))
            detector.zero_grad()
            scalar(detector(batch.features, batch.lengths).logits[0], batch.labels[0]).backward()
            for name, p in detector.named_parameters():
                total[name] += transform(p.grad) / len(samples)
    return total
