"""Continual-learning methods: one small module per algorithm.

The training loop calls a method at five moments and nowhere else: when a task begins, to choose the samples, in the
loss, in the step, and when a task ends (`rawm.methods.method.Method`). Hyper-parameters are in `rawm.config.methods`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rawm.config.methods import MethodFile
    from rawm.methods.method import Method

#: `algorithm` of a method file -> module and class.
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
    "slda": "rawm.methods.slda:SLDA",
    "freeze": "rawm.methods.freeze:Freeze",
    "owm": "rawm.methods.owm:OWM",
    "gpm": "rawm.methods.gpm:GPM",
    "rawm": "rawm.methods.rawm:RAWM",
    "rwm": "rawm.methods.rwm:RWM",
    "rego": "rawm.methods.rego:RegO",
}


def class_of(algorithm: str) -> "type[Method[Any]]":
    """The class of an algorithm."""
    module, name = METHODS[algorithm].split(":")
    return getattr(import_module(module), name)


def build(settings: "MethodFile", classes: tuple[str, ...]) -> "Method[Any]":
    """Build the method of a config file, without memory, for detectors whose outputs are `classes`."""
    return class_of(settings.algorithm)(settings, classes)
