"""The recipe of an open-speech corpus."""

from pydantic import ConfigDict

from rawm.config.base import Model


class OpenSpeechRecipe(Model):
    """Replaced by the real one."""

    model_config = ConfigDict(extra="allow", frozen=True)
