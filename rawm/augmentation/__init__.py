"""Augmentation: changed copies of training utterances, made before the front-end.

Modules:
    extract: the features of the copies; start reading here.
    augmenter: applies a recipe to one utterance.
    rawboost, noise, babble, codec, reverberation: the effects.

Recipes are config/augmentations/*.yaml. Development and evaluation data are never changed.
"""

#: `type` of an effect -> "module:class" (an `augmenter.Effect`).
EFFECTS = {
    "rawboost": "rawm.augmentation.rawboost:RawBoost",
    "noise": "rawm.augmentation.noise:Noise",
    "babble": "rawm.augmentation.babble:Babble",
    "codec": "rawm.augmentation.codec:Codec",
    "reverberation": "rawm.augmentation.reverberation:Reverberation",
}
