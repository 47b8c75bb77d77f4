"""Continual-learning methods: one small module per algorithm.

A method takes part in training at four moments and nowhere else: when a task begins, in the loss, in the step, and
when a task ends (`rawm.methods.method.Method`). Its hyper-parameters are in `rawm.config.methods`.
"""

from importlib import import_module
from typing import Any

#: `algorithm` of a method file -> where its class is.
METHODS = {
    "finetune": "rawm.methods.finetune:Finetune",
    "joint": "rawm.methods.joint:Joint",
    "lwf": "rawm.methods.lwf:LwF",
    "owm": "rawm.methods.owm:OWM",
    "rawm": "rawm.methods.rawm:RAWM",
    "rwm": "rawm.methods.rwm:RWM",
}


def build(settings: Any, classes: tuple[str, ...]) -> Any:
    """Return the method of a config file for detectors whose outputs are `classes`, without any memory yet."""
    module, name = METHODS[settings.algorithm].split(":")
    return getattr(import_module(module), name)(settings, classes)
