"""A trained detector from a bundle: waveforms and files -> scores."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rawm import audio, frontends
from rawm.config.frontends import AudioFrontendSettings, Stored
from rawm.detection import bundle as bundles
from rawm.detection.bundle import Bundle
from rawm.detection.windows import cut
from rawm.detectors import checkpoint
from rawm.detectors.scoring import score as log_odds
from rawm.errors import UserError
from rawm.features.frames import Frames
from rawm.features.windows import batches
from rawm.files import sha256
from rawm.frontends.frontend import NeuralFrontEnd
from rawm.tasks.samples import Samples

HOP = 4  # windows overlap so that each moment is in this many
_TOGETHER = 64  # windows that are scored at a time


class Window(NamedTuple):
    """A part of a recording, in seconds, and its score."""

    start_s: float
    end_s: float
    score: float


class Scored(NamedTuple):
    """A recording with its score, higher = more genuine.

    Attributes:
        path: the file; None for a waveform.
        seconds: its length.
        score: that of its windows, pooled.
        windows: in the order of time.
    """

    path: Path | None
    seconds: float
    score: float
    windows: list[Window]


class Decision(NamedTuple):
    """What a score means: fake or genuine, by which threshold, and the data on which that one was set."""

    label: str
    threshold: float
    data: str


class Detector:
    """A trained detector of fake speech.

    A score is a log-likelihood ratio, ln p(recording | genuine) / p(recording | fake): above 0 the recording is more
    like the genuine ones of the detector's development data than like their fakes, below 0 the other way round. It is
    calibrated on data of the corpora that the detector has learned; on others it may be far off.

    Recordings longer than `window_s`, the longest utterance of training, are divided into windows of that length.

    Attributes:
        bundle: the folder it comes from.
        name: study/method/seed/task.
        sample_rate: Hz; others are resampled.
        window_s: seconds.
        thresholds: name -> log-likelihood ratio at or below which a recording is called fake: `eer` makes both errors
            equally often on development data; `fpr1` and `fpr5` call 1 % and 5 % of genuine recordings fake.
    """

    def __init__(self, bundle: Bundle, device: str = "cpu"):
        from rawm.training.task import choose_device

        bundle.check(bundles.DETECTOR)
        self.bundle, self.name, self.window_s = bundle, bundle.model.name, bundle.model.window_s
        self.thresholds = {name: threshold.value for name, threshold in bundle.model.thresholds.items()}
        self._device = choose_device(device)
        self._detector = checkpoint.load_detector(bundle.detector_path)[0].to(self._device)
        self._frontend = frontends.build(_with_own_weights(bundle))
        if isinstance(self._frontend, NeuralFrontEnd):
            self._frontend.to(self._device)
        self.sample_rate = self._frontend.sample_rate

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu") -> "Detector":
        """Load a bundle.

        Args:
            folder: e.g. "results/open_speech/model".
            device: auto, cpu, cuda, cuda:1 or mps.

        Raises:
            UserError: no bundle, a damaged one, or one of a newer version.
        """
        return cls(bundles.load(folder), device)

    def score(self, waveform: np.ndarray | Tensor, sample_rate: int, **options) -> float:
        """Score one recording.

        Args:
            waveform: (n,) or (channels, n), in [-1, 1]; channels are averaged.
            sample_rate: Hz.
            options: as in `analyse`.

        Returns:
            The log-likelihood ratio, pooled over windows where there are several.
        """
        return self.analyse(waveform, sample_rate, **options).score

    def score_batch(self, waveforms: Iterable[np.ndarray | Tensor], sample_rate: int, **options) -> np.ndarray:
        """Score several recordings (N,); as `score`, one by one."""
        return np.array([self.score(waveform, sample_rate, **options) for waveform in waveforms])

    def score_file(self, path: str | Path, **options) -> float:
        """Score a file of any format, sample rate and number of channels; as `score`."""
        return self.analyse_file(path, **options).score

    def analyse(
        self,
        waveform: np.ndarray | Tensor,
        sample_rate: int,
        window_s: float | None = None,
        hop_s: float | None = None,
        pooling: str = "mean",
        calibrated: bool = True,
    ) -> Scored:
        """Score one recording and each of its windows.

        Args:
            waveform, sample_rate: as in `score`.
            window_s, hop_s: length of a window and from one start to the next, seconds; by default the detector's own
                length, and a quarter of it.
            pooling: mean, max-fake (the window that is most like a fake) or quantile:Q (0 = max-fake).
            calibrated: False = the detector's own log-odds instead of log-likelihood ratios.

        Raises:
            UserError: no samples, samples that are not finite, fewer than the front-end needs, or a wrong option.
        """
        samples = torch.as_tensor(waveform).detach().cpu().float().numpy()
        if samples.ndim == 2 and samples.shape[0] > samples.shape[1]:
            raise UserError(f"the waveform is {samples.shape}; channels come first: transpose (n, channels)")
        if samples.ndim == 2:
            samples = samples.mean(axis=0, dtype=np.float32)
        if samples.ndim != 1 or not samples.size:
            raise UserError(f"a waveform (n,) or (channels, n) with samples is needed, not {tuple(samples.shape)}")
        if sample_rate < 1:
            raise UserError(f"sample_rate is {sample_rate}; give it in Hz, e.g. 16000")
        if not np.isfinite(samples).all():
            raise UserError("the waveform holds samples that are not finite; all must be numbers in [-1, 1]")
        if sample_rate != self.sample_rate:
            samples = audio.resample(samples, sample_rate, self.sample_rate)
        return self._analyse(None, [samples], window_s, hop_s, pooling, calibrated)

    def analyse_file(
        self,
        path: str | Path,
        window_s: float | None = None,
        hop_s: float | None = None,
        pooling: str = "mean",
        calibrated: bool = True,
    ) -> Scored:
        """Score a file and each of its windows, as `analyse`; memory does not grow with its length.

        Raises:
            BadAudio: the file cannot be used, and why.
        """
        pieces = audio.pieces(path, self.sample_rate)
        return self._analyse(Path(path), pieces, window_s, hop_s, pooling, calibrated)

    def decide(self, score: float, threshold: str | float = "eer") -> Decision:
        """Call a log-likelihood ratio fake or genuine.

        Args:
            threshold: name in `thresholds`, or a log-likelihood ratio.

        Raises:
            UserError: the detector has no threshold of this name.
        """
        if isinstance(threshold, str):
            if threshold not in self.thresholds:
                known = ", ".join(self.thresholds) or "none, since it had no development data"
                raise UserError(f"threshold {threshold}: {self.name} has {known}; a number may be given, too")
            data = f"{threshold} on {self.bundle.model.thresholds[threshold].data}"
            threshold = self.thresholds[threshold]
        else:
            data = "given"
        return Decision("fake" if score <= threshold else "genuine", float(threshold), data)

    def _analyse(
        self,
        path: Path | None,
        pieces: Iterable[np.ndarray],
        window_s: float | None,
        hop_s: float | None,
        pooling: str,
        calibrated: bool,
    ) -> Scored:
        pool = pooling_function(pooling)
        window_s = self.window_s if window_s is None else window_s
        hop_s = window_s / HOP if hop_s is None else hop_s
        window, hop = (round(seconds * self.sample_rate) for seconds in (window_s, hop_s))
        if window < self._frontend.min_samples or hop < 1:
            raise UserError(f"windows of {window_s:g} s every {hop_s:g} s: too short for the front-end")
        spans, scores, windows = [], [], cut(pieces, window, hop)
        while together := list(islice(windows, _TOGETHER)):
            short = len(together[0][1])
            if short < self._frontend.min_samples:
                found, needed = (1000 * n / self.sample_rate for n in (short, self._frontend.min_samples))
                reason = f"is too short: {found:.0f} ms; {needed:.0f} ms are needed"
                raise audio.BadAudio(path, reason) if path else UserError(f"the waveform {reason}")
            spans += [(first / self.sample_rate, (first + len(part)) / self.sample_rate) for first, part in together]
            scores.append(self._log_odds([torch.from_numpy(part) for _, part in together]))
        line = self.bundle.model.calibration
        values = np.concatenate(scores).astype(np.float64)
        values = line.scale * values + line.offset if calibrated else values
        parts = [Window(start, end, float(value)) for (start, end), value in zip(spans, values, strict=True)]
        return Scored(path, spans[-1][1], float(pool(values)), parts)

    def _log_odds(self, waveforms: Sequence[Tensor]) -> np.ndarray:
        """Scores (N,) of windows at the front-end's rate, as evaluation computes them."""
        features = list(self._features(waveforms))
        labels = torch.zeros(len(features), dtype=torch.int64)
        if self._frontend.pooled:
            together = torch.stack(features)
        else:  # feature files hold frames in half precision
            together = Frames.pack([frames.half().float() for frames in features])
        return log_odds(self._detector, Samples([""] * len(features), labels, together), self._device)

    def _features(self, waveforms: Sequence[Tensor]) -> Iterator[Tensor]:
        if not isinstance(self._frontend, NeuralFrontEnd):
            return (self._frontend(waveform) for waveform in waveforms)
        computed: dict[int, Tensor] = {}
        for batch in batches([len(w) for w in waveforms], self._frontend.batch_seconds * self.sample_rate):
            computed |= dict(zip(batch, self._frontend.many([waveforms[i] for i in batch]), strict=True))
        return (computed[index] for index in range(len(waveforms)))


def pooling_function(name: str) -> Callable[[np.ndarray], float]:
    """Scores (N,) of windows -> the score of the recording; raises UserError for an unknown name."""
    kind, _, value = name.partition(":")
    if kind == "mean" and not value:
        return np.mean
    if kind == "max-fake" and not value:
        return np.min
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if kind != "quantile" or not 0 <= share <= 1:
        raise UserError(
            f"pooling {name}: unknown; known: mean, max-fake, quantile:Q with Q from 0 to 1, e.g. quantile:0.1"
        )
    return lambda scores: np.quantile(scores, share)


def _with_own_weights(bundle: Bundle) -> AudioFrontendSettings:
    """Settings of the front-end, with weights that are in the bundle taken from there.

    Raises:
        UserError: weights are missing, or are others than the bundle names.
    """
    settings = bundle.model.frontend
    if isinstance(settings, Stored):
        raise UserError(f"{bundle.folder}: its features were computed elsewhere, so no recording can be scored")
    for file in bundle.model.weights:
        path = bundle.folder / "weights" / Path(file.path).name if file.copied else Path(file.path)
        if not path.is_file() or sha256(path) != file.sha256:
            raise UserError(
                f"{path}: is needed by the front-end and is missing or another file (SHA-256 {file.sha256[:12]}...); "
                "export with --with-weights, or put the file there"
            )
    copied = [file for file in bundle.model.weights if file.copied]
    if copied:
        folder = bundle.folder / "weights"
        single = Path(copied[0].path).name
        source = str(folder / single) if len(copied) == 1 else str(folder)
        return settings.model_copy(update={"weights": source})
    return settings
