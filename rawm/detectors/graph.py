"""Graph attention layers of AASIST, for graphs of different sizes in one minibatch.

Source: Jung, Heo, Tak, Shim, Chung, Lee, Yu, Evans: AASIST: Audio Anti-Spoofing using Integrated Spectro-Temporal Graph
Attention Networks. ICASSP 2022, arXiv:2110.01200; graph attention after Velickovic et al., ICLR 2018; pooling after
Gao, Ji, ICML 2019.

A graph is a tensor of nodes (B, N, d), fully connected, with a mask (B, N) of the valid nodes.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rawm.detectors.detector import MaskedBatchNorm, valid


class Graph(NamedTuple):
    """Nodes (B, N, d) and the number of valid nodes (B,), which come first."""

    nodes: Tensor
    counts: Tensor

    @property
    def mask(self) -> Tensor:
        """(B, N) bool."""
        return valid(self.counts, self.nodes.shape[1])

    def zeroed(self) -> "Graph":
        """The same graph with zeros for invalid nodes."""
        return self._replace(nodes=self.nodes.masked_fill(~self.mask[..., None], 0))


class Attention(nn.Module):
    """Attention of each node to each other: softmax of w . tanh(W (h_i * h_j)) / temperature, * elementwise."""

    def __init__(self, size: int, hidden: int, temperature: float, kinds: int = 1):
        super().__init__()
        self.projection = nn.Linear(size, hidden)
        self.weights = nn.Linear(hidden, kinds, bias=False)  # one vector for each kind of pair
        self.temperature = temperature

    def forward(self, queries: Tensor, keys: Tensor, mask: Tensor, kinds: Tensor | None = None) -> Tensor:
        """Weights (B, queries, keys).

        Args:
            queries, keys: nodes (B, n, d).
            mask: (B, keys) bool, the valid keys.
            kinds: (queries, keys) int64, the index of each pair's vector w; None where there is one.
        """
        products = queries[:, :, None] * keys[:, None]
        scores = self.weights(torch.tanh(self.projection(products)))
        scores = scores[..., 0] if kinds is None else (scores * nn.functional.one_hot(kinds, scores.shape[-1])).sum(-1)
        return torch.softmax((scores / self.temperature).masked_fill(~mask[:, None], -torch.inf), dim=2)


class GraphAttention(nn.Module):
    """One graph: SELU(BN(W_1 attention h + W_2 h)): (B, N, d) -> (B, N, size)."""

    def __init__(self, n_inputs: int, size: int, temperature: float, dropout: float):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.attention = Attention(n_inputs, size, temperature)
        self.attended, self.own = nn.Linear(n_inputs, size), nn.Linear(n_inputs, size)
        self.norm = MaskedBatchNorm(size)

    def forward(self, graph: Graph) -> Graph:
        nodes, mask = self.dropout(graph.nodes), graph.mask
        mixed = self.attended(self.attention(nodes, nodes, mask) @ nodes) + self.own(nodes)
        return graph._replace(nodes=_activate(self.norm, mixed, mask))


class JoinedGraphAttention(nn.Module):
    """Two graphs of different kinds and a stack node (heterogeneous stacking graph attention): d -> size.

    Each kind has its own projection; pairs within the first graph, within the second and between both have their own
    attention vectors. The stack node (B, 1, d) attends to all nodes, and no node attends to it.
    """

    def __init__(self, n_inputs: int, size: int, temperature: float, dropout: float):
        super().__init__()
        self.first, self.second = nn.Linear(n_inputs, n_inputs), nn.Linear(n_inputs, n_inputs)
        self.dropout = nn.Dropout(dropout)
        self.attention = Attention(n_inputs, size, temperature, kinds=3)
        self.stack_attention = Attention(n_inputs, size, temperature)
        self.attended, self.own = nn.Linear(n_inputs, size), nn.Linear(n_inputs, size)
        self.stack_attended, self.stack_own = nn.Linear(n_inputs, size), nn.Linear(n_inputs, size)
        self.norm = MaskedBatchNorm(size)

    def forward(self, first: Graph, second: Graph, stack: Tensor) -> tuple[Graph, Graph, Tensor]:
        n = first.nodes.shape[1]
        nodes = self.dropout(torch.cat([self.first(first.nodes), self.second(second.nodes)], dim=1))
        mask = torch.cat([first.mask, second.mask], dim=1)
        nodes = nodes.masked_fill(~mask[..., None], 0)
        side = (torch.arange(nodes.shape[1], device=nodes.device) >= n).long()
        kinds = torch.where(side[:, None] == side, side, 2)
        stack = self.stack_attended(self.stack_attention(stack, nodes, mask) @ nodes) + self.stack_own(stack)
        mixed = self.attended(self.attention(nodes, nodes, mask, kinds) @ nodes) + self.own(nodes)
        mixed = _activate(self.norm, mixed, mask)
        return first._replace(nodes=mixed[:, :n]), second._replace(nodes=mixed[:, n:]), stack


class GraphPool(nn.Module):
    """Keep the nodes h with the largest gates sigmoid(w . h), times their gates: `keep` percent of them, at least one.

    Kept nodes are in the order of their gates.
    """

    def __init__(self, size: int, keep: int, dropout: float):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.gate = nn.Linear(size, 1)
        self.keep = keep

    def forward(self, graph: Graph) -> Graph:
        gates = torch.sigmoid(self.gate(self.dropout(graph.nodes)))
        most = max(1, graph.nodes.shape[1] * self.keep // 100)
        order = gates[..., 0].masked_fill(~graph.mask, -1).topk(most, dim=1).indices[..., None]
        nodes = (graph.nodes * gates).gather(1, order.expand(-1, -1, graph.nodes.shape[2]))
        return Graph(nodes, (graph.counts * self.keep // 100).clamp_min(1)).zeroed()


def _activate(norm: MaskedBatchNorm, nodes: Tensor, mask: Tensor) -> Tensor:
    """SELU of the normalised nodes (B, N, d), with zeros for invalid nodes."""
    inside = mask[:, None].to(nodes.dtype)
    return torch.selu(norm(nodes.transpose(1, 2) * inside, inside).transpose(1, 2))
