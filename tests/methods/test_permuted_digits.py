"""Ten permutations of scikit-learn's handwritten digits: the field's standard check that a method forgets less."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from support.problems import detector_for, method_for, train
from torch.nn import functional as F

from rawm.config.study import Training
from rawm.tasks.samples import Samples

pytestmark = pytest.mark.slow

CLASSES = tuple("0123456789")
TRAINING = Training(epochs=5, batch_size=32, learning_rate=0.01, optimizer="sgd", momentum=0.9)


def permuted(rows):
    """One task for each permutation of the pixels, the images enlarged to 28 x 28 as MNIST's are."""
    digits = load_digits()
    images = torch.tensor(digits.images[rows], dtype=torch.float32) / 16
    images = F.pad(images.repeat_interleave(3, 1).repeat_interleave(3, 2), (2, 2, 2, 2)).flatten(1)
    labels, tasks = torch.tensor(digits.target[rows]), []
    for number in range(10):
        order = torch.randperm(784, generator=torch.Generator().manual_seed(number))
        tasks.append(Samples([f"{number}_{row}" for row in rows], labels, images[:, order]))
    return tasks


ROWS = torch.randperm(1797, generator=torch.Generator().manual_seed(0)).tolist()
LEARN, TEST = permuted(ROWS[:1000]), permuted(ROWS[1000:])


def results(values):
    """(forgetting, accuracy right after learning), both in points, means over the tasks."""
    detector, method = detector_for(LEARN[0], (100, 100), classes=10), method_for(values, CLASSES)
    detector.standardise(torch.full((784,), 0.3), torch.full((784,), 0.3))
    accuracy = np.zeros((10, 10))
    for number in range(1, 11):
        train(detector, method, LEARN, TRAINING, numbers=[number])
        with torch.no_grad():
            for j, task in enumerate(TEST):
                right = detector.eval()(task.features).logits.argmax(1) == task.labels
                accuracy[number - 1, j] = 100 * right.float().mean()
    forgetting = np.mean([accuracy[j:9, j].max() - accuracy[9, j] for j in range(9)])
    return forgetting, np.diag(accuracy).mean()


@pytest.fixture(scope="module")
def finetune():
    forgetting, learned = results({"algorithm": "finetune"})
    assert forgetting > 10  # there is something to forget
    assert learned > 94
    return forgetting


@pytest.mark.parametrize(
    ("values", "times"),
    [
        ({"algorithm": "owm", "energy": 0.95}, 8),
        ({"algorithm": "ewc", "lambda": 10}, 2),
        ({"algorithm": "ewc", "lambda": 30, "form": "online", "decay": 1.0}, 3),
        ({"algorithm": "gem", "capacity": 600}, 4),
        ({"algorithm": "replay", "capacity": 300}, 4),
    ],
    ids=["owm", "ewc", "ewc_online", "gem", "replay"],
)
def test_forgets_several_times_less_than_fine_tuning_and_learns_as_well(values, times, finetune):
    forgetting, learned = results(values)
    assert forgetting < finetune / times
    assert learned > 93
