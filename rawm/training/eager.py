"""Torch without its compiler, so that a training job starts in half the time.

torch.optim imports torch._dynamo, with sympy and some 1,500 modules, for two things only: to keep the compiler away
from functions that it cannot compile, and to break its graphs. Nothing is compiled here, and the import takes longer
than training a task. `skip_compiler` puts a stand-in in its place that answers these two; anything else asked of it
loads the real module.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

NAME = "torch._dynamo"


class _Dynamo(ModuleType):
    def disable(self, fn: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Uncompiled functions need no protection from the compiler."""
        return fn if fn is not None else (lambda function: function)

    def graph_break(self, *args: Any, **kwargs: Any) -> None:
        """There is no graph."""

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(_real(), attribute)


def _real() -> ModuleType:
    if isinstance(sys.modules.get(NAME), _Dynamo):
        del sys.modules[NAME]
    return importlib.import_module(NAME)


def skip_compiler() -> None:
    """Replace torch's compiler by a stand-in; call it before the first optimizer is created."""
    import torch

    if NAME not in sys.modules:
        sys.modules[NAME] = torch._dynamo = _Dynamo(NAME)
