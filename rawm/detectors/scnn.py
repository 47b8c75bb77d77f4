"""Self-attention convolutional network (S-CNN): the back-end of the RAWM and RWM papers."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from rawm.config.detectors import SCNN as Settings
from rawm.detectors.detector import Detector, valid


class SCNN(Detector):
    """Projection, three convolutions over time, self-attention pooling, a hidden layer and the output.

    Sources: Zhang et al., ICML 2023, arXiv:2308.03300 (RAWM), and AAAI 2024, arXiv:2312.09651 (RWM): three
    one-dimensional convolutions, a layer of self-attention and two fully connected ones; an input of 256, a width of
    80, kernels of 5 and a stride of 1. Those are the values of the emotion recogniser "CNNSelfAttention" of S3PRL, the
    toolkit of SUPERB (Yang et al., Interspeech 2021, doi:10.21437/Interspeech.2021-1775), whose attention has one
    weight vector: softmax over time of w . x_t.

    Deviations:
        The linear projection to the 256 inputs and ReLU are that recogniser's; its average pooling over five frames
        and its dropout of 0.4 are left out. The network of this name in the code of EVDA is another one, for single
        vectors: convolutions to 512, 512 and 2048 channels.

    Parameters: on frames of 1024 (XLSR-53) 435,762; 188,978 on LFCC of 60 with their deltas; the papers give none.
    """

    def __init__(self, settings: Settings, n_features: int, pooled: bool, n_classes: int):
        super().__init__(n_features)
        widths = [settings.projection] + [settings.channels] * 3
        self.projection = nn.Linear(n_features, settings.projection)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(a, b, settings.kernel, padding=settings.kernel // 2) for a, b in pairwise(widths)
        )
        self.attention = nn.Linear(settings.channels, 1, bias=False)
        self.hidden = nn.Linear(settings.channels, settings.channels)
        self.output = nn.Linear(settings.channels, n_classes)

    def embed(self, features: Tensor, lengths: Tensor) -> Tensor:
        inside = valid(lengths, features.shape[1])[..., None]
        mask = inside.to(features.dtype)
        x = (self.projection(features) * mask).transpose(1, 2)
        for convolution in self.convolutions:
            x = torch.relu(convolution(x)) * mask.transpose(1, 2)
        x = x.transpose(1, 2)
        weights = torch.softmax(self.attention(x).masked_fill(~inside, -torch.inf), dim=1)
        return torch.relu(self.hidden((weights * x).sum(1)))
