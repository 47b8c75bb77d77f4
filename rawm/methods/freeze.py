"""Freeze and Learn: after the first task only some layers learn.

Salvi, Negroni, Bondi, Bestagini, Tubaro: Freeze and Learn: Continual Learning with Selective Freezing for Speech
Deepfake Detection. 2024, arXiv:2409.17598.
"""

from rawm.config import methods as config
from rawm.detectors.detector import Detector
from rawm.errors import UserError
from rawm.methods.method import Method, Task, freeze_all_but
from rawm.methods.parts.projected_layers import protectable


class Freeze(Method[config.Freeze]):
    """Plain training; after the first task all parameters outside of `learn` and running statistics stay as they are.

    The paper finds that the first layers, which process the input, are the ones to go on training. So they are the
    default: the first linear or convolutional layer, where `learn` names no others.

    Deviations:
        The paper combines freezing with methods such as EWC; this is freezing alone.
    """

    paper = "Salvi et al. 2024, arXiv:2409.17598"
    memory = "0"

    def begin_task(self, detector: Detector, task: Task) -> None:
        names = [name for name, _ in detector.named_parameters()]
        learn = self.settings.learn or [next(iter(protectable(detector)))]
        if unknown := [part for part in learn if not any(_inside(name, part) for name in names)]:
            parts = ", ".join(dict.fromkeys(name.partition(".")[0] for name in names))
            raise UserError(f"method freeze: learn: this detector has no part {unknown[0]!r}; it has {parts}")
        if task.number > 1:
            learning = {name for name in names if any(_inside(name, part) for part in learn)}
            freeze_all_but(detector, {id(p) for name, p in detector.named_parameters() if name in learning})


def _inside(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")
