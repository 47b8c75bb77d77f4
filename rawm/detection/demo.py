"""The page of `rawm demo`: drop or record a file, see its score and decision."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from rawm.audio import BadAudio
from rawm.detection.detector import Detector
from rawm.detection.output import Decider
from rawm.detection.plot import picture_of_file
from rawm.errors import UserError

if TYPE_CHECKING:
    import gradio

ADDRESS = "127.0.0.1"
_FONTS = ["system-ui", "sans-serif"]  # the library's own are fetched from the network


def serve(detector: Detector, port: int | None, browser: bool) -> None:
    """Show the page until Ctrl-C. What is dropped or recorded stays on this machine and is deleted at the end.

    Args:
        port: None takes the first free one from 7860.
        browser: whether to open the page.

    Raises:
        UserError: Gradio is not installed, or the port is taken.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    with tempfile.TemporaryDirectory(prefix="rawm-demo-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        try:
            from gradio.themes import Default
        except ImportError:
            raise UserError("rawm demo needs Gradio: pip install 'rawm[demo]'") from None
        page = build(detector)
        try:
            _, address, _ = page.launch(
                server_name=ADDRESS,
                server_port=port,
                inbrowser=browser,
                share=False,
                ssr_mode=False,
                prevent_thread_lock=True,
                quiet=True,
                footer_links=[],
                theme=Default(font=_FONTS, font_mono=["monospace"]),
            )
        except OSError as error:
            raise UserError(f"port {port or '7860 to 7959'}: {error}") from None
        print(f"{detector.name} at {address} (Ctrl-C ends it)", flush=True)
        page.block_thread()


def build(detector: Detector) -> "gradio.Blocks":
    """The page of a detector."""
    import gradio

    thresholds = list(detector.thresholds) or ["0"]
    with gradio.Blocks(title="rawm", analytics_enabled=False) as page:
        gradio.Markdown(
            f"# Genuine or fake speech?\nModel `{detector.name}`. It knows the fakes and the recording conditions of "
            f"its corpora ({', '.join(task.task.name for task in detector.bundle.model.history)}); on others expect "
            "little more than chance."
        )
        with gradio.Row():
            with gradio.Column():
                recording = gradio.Audio(
                    type="filepath", sources=["upload", "microphone"], label="Recording", buttons=["download"]
                )
                threshold = gradio.Radio(
                    thresholds,
                    value=thresholds[0],
                    label="Threshold",
                    info="eer: both errors equally often; fpr1, fpr5: 1 % and 5 % of genuine speech called fake",
                )
            with gradio.Column():
                verdict = gradio.Markdown("Drop a file or record one.", elem_id="verdict")
                picture = gradio.Plot(show_label=False, format="png", elem_id="picture")
        gradio.on(
            [recording.change, threshold.change],
            lambda path, name: judge(detector, path, name),
            [recording, threshold],
            [verdict, picture],
            api_name="judge",
        )
    return page


def judge(detector: Detector, path: str | None, threshold: str) -> tuple[str, Figure | None]:
    """Verdict on a recording in Markdown, and its picture; why there is none where it cannot be scored."""
    if path is None:
        return "Drop a file or record one.", None
    try:
        scored = detector.analyse_file(path)
    except BadAudio as error:
        return f"**Not scored.** {Path(path).name} {error.reason}.", None
    decider = Decider(detector, threshold if threshold in detector.thresholds else float(threshold))
    decision = decider(scored.score)
    text = (
        f"## {decision.label.capitalize()}\n"
        f"Score **{scored.score:.2f}** (log-likelihood ratio: higher = more genuine); fake at or below "
        f"{decision.threshold:.2f} ({decision.data}). {scored.seconds:.1f} s in {len(scored.windows)} "
        f"{'window' if len(scored.windows) == 1 else 'windows'}."
    )
    return text, picture_of_file(Path(path), scored, decider)
