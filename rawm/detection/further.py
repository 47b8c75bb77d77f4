"""A bundle + one more corpus, without the old data -> a new bundle."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

import rawm
from rawm import paths
from rawm.config.corpora import Corpus, OpenSpeechCorpus
from rawm.config.study import StreamFile, StudyFile, Task
from rawm.detection import bundle as bundles
from rawm.detection.bundle import DETECTOR, FORMAT, MEMORY, Bundle, Calibration, Learned, ModelFile, Parent, Threshold
from rawm.detection.export import copy_weights, gaussians, longest, thresholds
from rawm.detectors import checkpoint
from rawm.detectors.detector import Detector
from rawm.detectors.scoring import score
from rawm.errors import UserError
from rawm.files import sha256
from rawm.methods import METHODS, build, class_of
from rawm.metrics import calibration
from rawm.metrics.calibration import Development, Gaussian, Summary
from rawm.progress import track
from rawm.study import Study, labels, load_corpus, load_frontend, load_method, mismatch
from rawm.tasks.loading import load_split
from rawm.tasks.samples import Samples
from rawm.training.loop import fit
from rawm.training.task import restandardise, task_of


def learn(
    bundle: Bundle, task: Task, folder: str | Path, device: torch.device, method: str | None = None, workers: int = 1
) -> Bundle:
    """Train a bundle's detector on one more task, and write the result as a new bundle.

    On the CPU it equals, bit for bit, what the study trains as its next task with the same data, method and seed.

    Args:
        task: the corpora and how much of them; see `Task`. Their manifests and features are made where they are
            missing, under results/.
        folder: new, empty, or a bundle, which is replaced.
        method: label in config/methods/; by default the bundle's own method with its values.
        workers: processes and threads that make manifests and features.

    Raises:
        UserError: the method cannot go on from this bundle, or the corpora are not as they should be.
    """
    folder = Path(folder)
    if folder.resolve() == bundle.folder.resolve():
        raise UserError(f"{folder}: is the bundle to go on from; name another folder")
    study = _study(bundle, task, method)
    (label,) = study.methods
    for name in (bundles.DETECTOR, bundles.MEMORY):
        bundle.check(name)
    _make_data(study, task, workers)
    number = len(study.tasks)
    learner = build(study.methods[label], study.classes)
    memory, header = checkpoint.load(bundle.memory_path)
    detector, detector_header = checkpoint.load_detector(bundle.detector_path)
    learner.load(memory)
    current = task_of(study, number, bundle.model.seed, learner, study.training(label), device)
    restandardise(detector, current)
    dev = load_split(study, number, "dev", bundle.model.seed)
    title = f"{label} on {task.name}"
    history = fit(
        detector, learner, current, study.training(label), dev, lambda n: track(range(n), title, n), study.measure
    )
    folder = bundles.prepare_folder(folder)
    changed = {"method": label, "task": str(number)}
    checkpoint.save_detector(folder / DETECTOR, detector, detector_header | changed)
    checkpoint.save(folder / MEMORY, learner.state(), header | changed)
    learned = _learned(study, number, current.train, dev, detector, device, history[-1]["dev_eer"])
    model = bundle.model.model_copy(
        update={
            "format": FORMAT,
            "rawm": rawm.__version__,
            "name": f"{bundle.model.name} + {task.name}",
            "method_label": label,
            "method": study.methods[label],
            "training": study.training(label),
            "window_s": max(bundle.model.window_s, longest(study, task)),
            "history": [*bundle.model.history, learned],
            "parent": Parent(name=bundle.model.name, sha256=bundle.sha256),
            "licences": bundle.model.licences | {name: study.corpora[name].licence for name in task.corpora},
            "files": {name: sha256(folder / name) for name in (DETECTOR, MEMORY)},
        }
    )
    if learned.scores is not None:
        model = model.model_copy(update=_calibrated(model.history))
    copy_weights(model.weights, folder)
    return bundles.write(folder, model)


def _study(bundle: Bundle, task: Task, method: str | None) -> Study:
    """A study of one method whose last task is the new one."""
    model = bundle.model
    label = method or model.method_label
    settings = load_method(label) if method else model.method
    _require_able(model, label, settings.algorithm)
    training = model.training
    if method:
        training = training.model_copy(update=settings.training.model_dump(exclude_none=True))
    if model.frontend_label in labels("frontends") and load_frontend(model.frontend_label) != model.frontend:
        raise UserError(
            f"config/frontends/{model.frontend_label}.yaml: has other values than the front-end of {bundle.folder}; "
            "the features of the new corpus would be others"
        )
    tasks = [*(learned.task for learned in model.history), task]
    corpora: dict[str, Corpus] = {name: load_corpus(name) for name in task.corpora}
    for corpus in corpora.values():
        if problem := mismatch(model.frontend, corpus):
            raise UserError(f"corpus {corpus.name}: the front-end of {bundle.folder} {problem}")
    return Study(
        name=model.name.split("/")[0],
        settings=StudyFile(
            title=model.name,
            description="",
            task_order="given",
            stream="continued",
            frontend=model.frontend_label,
            detector=model.detector.type,
            methods=[label],
            seeds=[model.seed],
            augment=None,
            training=training,
            equal_training=True,
        ),
        stream=StreamFile.model_construct(title=model.name, classes=model.classes, tasks=tasks),
        frontend=model.frontend,
        detector=model.detector,
        corpora=corpora,
        methods={label: settings},
    )


def _require_able(model: ModelFile, label: str, algorithm: str) -> None:
    """Raise UserError for a method that needs the old data, or remembers what this bundle does not hold."""
    if class_of(algorithm).uses_old_data:
        raise UserError(f"method {label}: trains on the data of all tasks, which a bundle does not hold; take another")
    before = model.method.algorithm
    if algorithm != before and class_of(algorithm).remembers:
        able = [name for name in METHODS if not class_of(name).remembers and not class_of(name).uses_old_data]
        raise UserError(
            f"method {label}: goes on from what it remembers of earlier tasks, and this detector was trained with "
            f"{before}; take that, or one that remembers nothing: {', '.join(able)}"
        )


def _make_data(study: Study, task: Task, workers: int) -> None:
    """Make the manifests and features of a task's corpora that are not there yet."""
    from rawm.corpora import make
    from rawm.corpora.made.open_speech.packages import fetch
    from rawm.features.sources import make_features

    for name in task.corpora:
        corpus = study.corpora[name]
        if not paths.manifest(name).is_file():
            if isinstance(corpus, OpenSpeechCorpus):
                fetch(corpus, paths.PACKAGES, paths.PACKAGES / f"{name}.json")
            make(corpus, workers=workers)
        for split in paths.SPLITS:
            output = paths.features(study.settings.frontend, name, split)
            if split != "eval" and not output.is_file():
                make_features(corpus, study.frontend, split, paths.manifest(name), output, threads=workers)


def _learned(
    study: Study,
    number: int,
    train: Samples,
    dev: Samples | None,
    detector: Detector,
    device: torch.device,
    dev_eer: float | None,
) -> Learned:
    genuine = study.classes.index("genuine")
    counts = int((train.labels == genuine).sum()), int((train.labels != genuine).sum())
    scores = None
    if dev is not None and len(set(dev.labels.tolist())) == 2:
        values = score(detector, dev, device).astype(np.float64)
        here = (dev.labels == genuine).numpy()
        scores = gaussians(Development(values[here], values[~here]))
    return Learned(task=study.task(number), genuine=counts[0], fake=counts[1], dev_eer=dev_eer, scores=scores)


def _calibrated(history: Sequence[Learned]) -> dict[str, object]:
    """Calibration and thresholds from the Gaussians that are kept of each task."""
    known = [learned for learned in history if learned.scores is not None]
    summaries = [
        Summary(*(Gaussian(**one.scores[side].model_dump()) for side in ("genuine", "fake")))
        for one in known
        if one.scores is not None
    ]
    names = [learned.task.name for learned in known]
    line = calibration.fit_summaries(summaries)
    data = f"two Gaussians a task, kept of {', '.join(names)}"
    fitted = Calibration(scale=line.scale, offset=line.offset, policy="gaussians", data=data)
    points = [Development(*map(calibration.points, summary)) for summary in summaries]
    found = thresholds(points, fitted, names)
    return {"calibration": fitted, "thresholds": {n: Threshold(value=t.value, data=data) for n, t in found.items()}}
