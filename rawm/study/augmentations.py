"""Names of augmented features and of the utterances in them."""

import hashlib
import json

from rawm.config.augmentation import AugmentationFile


def stored_name(label: str, recipe: AugmentationFile) -> str:
    """Name under which features of a recipe are stored: its label, and a hash of its values, e.g. mixed-1f0c77a2."""
    values = json.dumps(recipe.model_dump(mode="json", exclude={"title"}), sort_keys=True)
    return f"{label}-{hashlib.sha256(values.encode()).hexdigest()[:8]}"


def copy_id(utterance_id: str, copy: int) -> str:
    """Id of copy 1, 2, ... of an utterance."""
    return f"{utterance_id}#{copy}"
