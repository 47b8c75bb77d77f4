"""Light convolutional network (LCNN) with max-feature-map activation: the neural baseline of ASVspoof 2021 on LFCC."""

import torch
from torch import Tensor, nn

from rawm.config.detectors import LCNN as Settings
from rawm.detectors.detector import Detector, MaskedBatchNorm, max_pool, valid
from rawm.detectors.recurrent import BidirectionalLSTM

#: Kernel, channels (relative to the first layer), pooling after it, normalisation after it.
LAYERS = [
    (5, 1.0, True, False),
    (1, 1.0, False, True),
    (3, 1.5, True, True),
    (1, 1.5, False, True),
    (3, 2.0, True, False),
    (1, 2.0, False, True),
    (3, 1.0, False, True),
    (1, 1.0, False, True),
    (3, 1.0, True, False),
]


class LCNN(Detector):
    """Nine convolutions over time and feature, two bidirectional LSTM layers, the mean over time, an embedding.

    Each convolution has twice the channels, and the larger value of each pair is kept (max feature map).

    Source: "LCNN-LSTM-sum" of Wang, Yamagishi, Interspeech 2021, arXiv:2103.11326, after Lavrentyeva et al.,
    Interspeech 2019, arXiv:1904.05576; the LFCC-LCNN baseline of ASVspoof 2021 has the same layers.

    Parameters: 275,970 on LFCC of 60 with their deltas; published: 276 thousand. They are 275,840 up to the embedding
    of 64, as published, and 130 of a linear output.

    Deviations:
        The output is linear with cross-entropy; the source has a cosine output (P2SGrad) and the baseline a sigmoid.
        The last frame of an odd number is pooled alone instead of being dropped, so that the shortest utterances are
        accepted too.
    """

    def __init__(self, settings: Settings, n_features: int, pooled: bool, n_classes: int):
        super().__init__(n_features)
        self.convolutions, self.norms = nn.ModuleList(), nn.ModuleList()
        channels, width = 1, n_features
        for kernel, factor, pools, normalises in LAYERS:
            wider = int(factor * settings.channels)
            self.convolutions.append(nn.Conv2d(channels, 2 * wider, kernel, padding=kernel // 2))
            self.norms.append(MaskedBatchNorm(wider, affine=False) if normalises else nn.Identity())
            channels, width = wider, max(1, width // 2) if pools else width
        size = channels * width
        self.dropout = nn.Dropout(settings.dropout)
        self.recurrent = nn.ModuleList(BidirectionalLSTM(size, size // 2) for _ in range(settings.recurrent_layers))
        self.embedding = nn.Linear(size, settings.embedding)
        self.output = nn.Linear(settings.embedding, n_classes)

    def embed(self, features: Tensor, lengths: Tensor) -> Tensor:
        x = features[:, None]
        for convolution, norm, (_, _, pools, normalises) in zip(self.convolutions, self.norms, LAYERS, strict=True):
            x = torch.maximum(*convolution(x).chunk(2, dim=1))
            if pools:
                x, lengths = max_pool(x, lengths, 2, min(2, x.shape[3]))
            mask = valid(lengths, x.shape[2])[:, None, :, None].to(x.dtype)
            x = norm(x * mask, mask) if normalises else x * mask
        convolved = y = self.dropout(x).transpose(1, 2).flatten(2)
        for layer in self.recurrent:
            y = layer(y, lengths)
        total = convolved + y if self.recurrent else convolved
        inside = valid(lengths, total.shape[1])[..., None].to(x.dtype)
        return self.embedding((total * inside).sum(1) / lengths[:, None])
