"""AASIST's back-end: residual convolutions and graph attention on frames of any front-end."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from rawm.config.detectors import AASIST as Settings
from rawm.detectors.detector import Detector, MaskedBatchNorm, max_pool, valid
from rawm.detectors.graph import Graph, GraphAttention, GraphPool, JoinedGraphAttention


class AASIST(Detector):
    """Projection, residual convolutions, one graph of features and one of time, two branches that join them.

    Frames are projected, treated as an image of time and feature, and pooled by 3 x 3. Six residual blocks follow.
    Attention over time gives a node for each feature, attention over features a node for each time step. Each graph
    passes graph attention and pooling. Two branches, each of two joining layers with a stack node, take both graphs;
    the larger value of the two branches is kept. The embedding holds the largest magnitudes and the means of both
    graphs' nodes, and the stack node.

    Sources: Jung et al., ICASSP 2022, arXiv:2110.01200 (the graphs, sizes and temperatures); Tak et al., Odyssey 2022,
    arXiv:2202.12233 (on frames of a self-supervised model: projection to 128 and attention pooling of the image).

    Parameters: 447,242 on frames of 1024 (XLS-R). Published: AASIST has 297,866 (297 thousand) with a fixed filter
    bank on the waveform. The difference is the projection (131,200), the image's attention (16,960) and
    positions for 42 features instead of 23 (1,216).

    Deviations:
        An utterance may have any length, and its graph of time the corresponding number of nodes; published systems
        cut or repeat speech to four seconds. Each residual block but the first normalises and activates its input
        before its first convolution; the released code computes this too, but then convolves the input as it was, so
        released weights do not reproduce its results here.
    """

    def __init__(self, settings: Settings, n_features: int, pooled: bool, n_classes: int):
        super().__init__(n_features)
        (narrow, wide), (node, joined) = settings.channels, settings.graph
        keep_features, keep_frames, keep_joined = settings.keep
        alone, together = settings.temperatures
        self.projection = nn.Linear(n_features, settings.projection)
        self.first_norm = MaskedBatchNorm(1)
        channels = [1, narrow, narrow, wide, wide, wide, wide]
        self.blocks = nn.ModuleList(Residual(a, b, i == 0) for i, (a, b) in enumerate(pairwise(channels)))
        self.last_norm = MaskedBatchNorm(wide)
        self.attention = nn.ModuleList([nn.Conv2d(wide, 2 * wide, 1), nn.Conv2d(2 * wide, wide, 1)])
        self.attention_norm = MaskedBatchNorm(2 * wide)
        self.positions = nn.Parameter(torch.empty(settings.projection // 3, wide))
        dropout = settings.graph_dropout
        self.of_features = GraphAttention(wide, node, alone, dropout)
        self.of_frames = GraphAttention(wide, node, alone, dropout)
        self.pool_features = GraphPool(node, keep_features, 1.5 * dropout)
        self.pool_frames = GraphPool(node, keep_frames, 1.5 * dropout)
        self.branches = nn.ModuleList(Branch(node, joined, together, keep_joined, dropout) for _ in range(2))
        self.branch_dropout, self.dropout = nn.Dropout(dropout), nn.Dropout(settings.dropout)
        self.output = nn.Linear(5 * joined, n_classes)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise the features' positions, which belong to no layer."""
        nn.init.normal_(self.positions)

    def embed(self, features: Tensor, lengths: Tensor) -> Tensor:
        x, lengths = max_pool(self.projection(features)[:, None], lengths, 3, 3)
        inside = valid(lengths, x.shape[2])[:, None, :, None]
        mask = inside.to(x.dtype)
        x = torch.selu(self.first_norm(x, mask))
        for block in self.blocks:
            x = block(x, mask)
        x = torch.selu(self.last_norm(x, mask))
        weights = self.attention[1](self.attention_norm(torch.selu(self.attention[0](x)) * mask, mask))
        over_frames = torch.softmax(weights.masked_fill(~inside, -torch.inf), dim=2)
        by_feature = (x * over_frames).sum(2).transpose(1, 2) + self.positions
        by_frame = (x * torch.softmax(weights, dim=3)).sum(3).transpose(1, 2)
        all_features = torch.full_like(lengths, by_feature.shape[1])
        features_graph = self.pool_features(self.of_features(Graph(by_feature, all_features)))
        frames_graph = self.pool_frames(self.of_frames(Graph(by_frame, lengths).zeroed()))
        first, second = (branch(frames_graph, features_graph) for branch in self.branches)
        frames, nodes = self._larger(first[0], second[0]), self._larger(first[1], second[1])
        stack = torch.maximum(self.branch_dropout(first[2]), self.branch_dropout(second[2]))
        return self.dropout(torch.cat([*readout(frames), *readout(nodes), stack[:, 0]], dim=1))

    def _larger(self, one: Graph, other: Graph) -> Graph:
        """The larger value of two branches, node by node."""
        nodes = torch.maximum(self.branch_dropout(one.nodes), self.branch_dropout(other.nodes))
        return one._replace(nodes=nodes)


def readout(graph: Graph) -> tuple[Tensor, Tensor]:
    """Largest magnitude and mean of an utterance's nodes, (B, d) each."""
    return graph.nodes.abs().amax(1), graph.nodes.sum(1) / graph.counts[:, None]


class Residual(nn.Module):
    """Residual block: two convolutions over three time steps and two features, normalisation before each."""

    def __init__(self, n_inputs: int, channels: int, first: bool):
        super().__init__()
        self.norm_1 = nn.Identity() if first else MaskedBatchNorm(n_inputs)
        self.convolution_1 = nn.Conv2d(n_inputs, channels, (3, 2), padding=(1, 1))
        self.norm_2 = MaskedBatchNorm(channels)
        self.convolution_2 = nn.Conv2d(channels, channels, (3, 2), padding=(1, 0))
        same = n_inputs == channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(n_inputs, channels, (3, 1), padding=(1, 0))
        self._first = first

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, n_inputs, T, F) -> (B, channels, T, F); mask (B, 1, T, 1)."""
        y = x if self._first else torch.selu(self.norm_1(x, mask))
        y = torch.selu(self.norm_2(self.convolution_1(y) * mask, mask))
        return (self.convolution_2(y) + self.shortcut(x)) * mask


class Branch(nn.Module):
    """Two joining layers with pooling between them, a stack node, and a residual connection around the second."""

    def __init__(self, node: int, joined: int, temperature: float, keep: int, dropout: float):
        super().__init__()
        self.first = JoinedGraphAttention(node, joined, temperature, dropout)
        self.pool_frames, self.pool_features = (GraphPool(joined, keep, 1.5 * dropout) for _ in range(2))
        self.second = JoinedGraphAttention(joined, joined, temperature, dropout)
        self.stack = nn.Parameter(torch.empty(1, 1, node))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise the stack node, which belongs to no layer."""
        nn.init.normal_(self.stack)

    def forward(self, frames: Graph, features: Graph) -> tuple[Graph, Graph, Tensor]:
        frames, features, stack = self.first(frames, features, self.stack.expand(len(frames.nodes), -1, -1))
        frames, features = self.pool_frames(frames), self.pool_features(features)
        more_frames, more_features, more_stack = self.second(frames, features, stack)
        frames = frames._replace(nodes=frames.nodes + more_frames.nodes)
        return frames, features._replace(nodes=features.nodes + more_features.nodes), stack + more_stack
