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
    "replay": "rawm.methods.replay:Replay",
    "derpp": "rawm.methods.derpp:DERpp",
    "gdumb": "rawm.methods.gdumb:GDumb",
    "gem": "rawm.methods.gem:GEM",
    "agem": "rawm.methods.agem:AGEM",
    "ewc": "rawm.methods.ewc:EWC",
    "si": "rawm.methods.si:SI",
    "mas": "rawm.methods.mas:MAS",
    "lwf": "rawm.methods.lwf:LwF",
    "dfwf": "rawm.methods.dfwf:DFWF",
    "cwr": "rawm.methods.cwr:CWRStar",
    "analytic": "rawm.methods.analytic:Analytic",
    "owm": "rawm.methods.owm:OWM",
    "rawm": "rawm.methods.rawm:RAWM",
    "rwm": "rawm.methods.rwm:RWM",
    "rego": "rawm.methods.rego:RegO",
}


def class_of(algorithm: str) -> Any:
    """The class of an algorithm."""
    module, name = METHODS[algorithm].split(":")
    return getattr(import_module(module), name)


def build(settings: Any, classes: tuple[str, ...]) -> Any:
    """Return the method of a config file for detectors whose outputs are `classes`, without any memory yet."""
    return class_of(settings.algorithm)(settings, classes)
