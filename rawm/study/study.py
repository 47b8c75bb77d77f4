"""A study with everything it names. Manifests are imported where they are read, since they need NumPy."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from rawm import paths
from rawm.config.augmentation import AugmentationFile
from rawm.config.corpora import SPEECH_CLASSES, Corpus
from rawm.config.study import StreamFile, StudyFile, Task, Training
from rawm.metrics.measure import ACCURACY, EER, Measure
from rawm.seeding import derive


@dataclass(frozen=True)
class Study:
    """A study with everything it names, validated.

    Attributes:
        name: label of the study file.
        settings: the study file.
        stream: the stream file; `tasks` are its tasks.
        corpora, methods: label -> settings, for the labels that the study uses.
        augmentation: how copies of training utterances are changed; None = there are none.
    """

    name: str
    settings: StudyFile
    stream: StreamFile
    frontend: Any
    detector: Any
    corpora: dict[str, Corpus]
    methods: dict[str, Any]
    augmentation: AugmentationFile | None = None

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in the order of their indices (a detector's outputs).

        Where the stream does not say them, they are read from the manifests of its corpora, which must be made then.
        """
        if self.grows:
            return self.classes_after(len(self.tasks))
        if self.stream.classes is not None:
            return tuple(self.stream.classes)
        from rawm import manifest

        labels = {label for corpus in self.corpora for label in manifest.read(paths.manifest(corpus)).label}
        return tuple(sorted(labels))

    @property
    def grows(self) -> bool:
        """Whether the classes are the attacks met so far, so that the detector's output layer grows."""
        return self.stream.classes == "attacks"

    def classes_after(self, number: int) -> tuple[str, ...]:
        """The classes of a detector that has learned tasks 1..number, in the order in which they were met.

        All classes, unless they grow; then those of the training data so far, new ones of one task sorted. They are
        read from the manifests of these tasks, and a later task only appends some.
        """
        if not self.grows:
            return self.classes
        from rawm import manifest

        names: dict[str, None] = {}
        for task in self.tasks[:number]:
            rows = [manifest.read(paths.manifest(corpus)).select("train", task.where) for corpus in task.corpora]
            names |= dict.fromkeys(sorted({name for part in rows for name in part.traced()}))
        return tuple(names)

    @property
    def detects_fakes(self) -> bool:
        """Whether the classes are fake and genuine: then scores and equal error rates are reported, else accuracy."""
        return self.stream.classes is not None and tuple(self.stream.classes) == SPEECH_CLASSES

    @property
    def measure(self) -> Measure:
        """Evaluation measure: EER where fakes are detected, else accuracy."""
        return EER if self.detects_fakes else ACCURACY

    @property
    def tasks(self) -> list[Task]:
        return self.stream.tasks

    def task(self, number: int) -> Task:
        """Task 1, 2, ..."""
        return self.stream.tasks[number - 1]

    def ordered(self, seed: int) -> "Study":
        """The study with its tasks in the order of this seed, where tasks are shuffled.

        Tasks are sorted by a hash of the seed and of their names, so that one more leaves the order of the others.
        """
        if self.settings.task_order == "given":
            return self
        tasks = sorted(self.tasks, key=lambda task: derive(seed, "task order", task.name))
        return replace(self, stream=self.stream.model_copy(update={"tasks": tasks}))

    def training(self, method: str) -> Training:
        """Training values of a method: the study's, with those of the method's file unless `equal_training`."""
        if self.settings.equal_training:
            return self.settings.training
        override = self.methods[method].training.model_dump(exclude_none=True)
        return self.settings.training.model_copy(update=override)

    def title(self, method: str) -> str:
        return self.methods[method].title or method
