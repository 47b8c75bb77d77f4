"""LSTM layers made of nn.Linear, so that projection methods protect their weights and padding does not count."""

import torch
from torch import Tensor, nn


class LSTM(nn.Module):
    """One direction of one layer, as torch.nn.LSTM computes it: (B, T, d) -> (B, T, size)."""

    def __init__(self, n_inputs: int, size: int):
        super().__init__()
        self.inputs = nn.Linear(n_inputs, 4 * size)
        self.recurrence = nn.Linear(size, 4 * size)

    def forward(self, x: Tensor) -> Tensor:
        gates = self.inputs(x)
        state = x.new_zeros(len(x), self.recurrence.in_features)
        cell = state
        states = []
        for t in range(x.shape[1]):
            i, f, g, o = (gates[:, t] + self.recurrence(state)).chunk(4, dim=1)
            cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
            state = torch.sigmoid(o) * torch.tanh(cell)
            states.append(state)
        return torch.stack(states, dim=1)


class BidirectionalLSTM(nn.Module):
    """An LSTM in each direction: (B, T, d) -> (B, T, 2 size); the backward one starts at the utterance's last frame."""

    def __init__(self, n_inputs: int, size: int):
        super().__init__()
        self.forwards = LSTM(n_inputs, size)
        self.backwards = LSTM(n_inputs, size)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return torch.cat([self.forwards(x), reverse(self.backwards(reverse(x, lengths)), lengths)], dim=2)


def reverse(x: Tensor, lengths: Tensor) -> Tensor:
    """Reverse the order of each utterance's frames (B, T, d); padding stays in place."""
    steps = torch.arange(x.shape[1], device=x.device)
    index = torch.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    return x.gather(1, index[..., None].expand_as(x))
