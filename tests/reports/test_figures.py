"""Figures of made-up runs: all files, the same bytes, nothing cut off, and numbers that agree with independent ones."""

import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.text import Text
from PIL import Image
from scipy.linalg import subspace_angles
from scipy.stats import norm
from support.drawn import embedded, inputs
from support.finished_runs import EMOTIONS, METHODS, make_study

from rawm.config.detectors import MLP
from rawm.errors import UserError
from rawm.features.frames import Frames
from rawm.metrics.detection import eer
from rawm.metrics.measure import ACCURACY, EER
from rawm.reports import figures
from rawm.reports.figures import study as drawing
from rawm.reports.figures import style
from rawm.reports.figures.ablation import ablation
from rawm.reports.figures.critical_difference import critical_difference
from rawm.reports.figures.det import det, rejected
from rawm.reports.figures.embeddings import components, embeddings
from rawm.reports.figures.matrix import matrix_figure
from rawm.reports.figures.stream import stream
from rawm.reports.figures.subspaces import cosines, leading_subspace, subspaces
from rawm.reports.figures.sweep import sweep
from rawm.runs import uncertainty
from rawm.runs.run import Run
from rawm.tasks.samples import Samples


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """Function that makes a study with finished runs and their intervals in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(drawing, "task_inputs", inputs)
    monkeypatch.setattr(drawing, "task_embeddings", embedded)

    def make(**options):
        study = make_study(tmp_path, **options)
        uncertainty.make(study, resamples=20)
        return study

    return make


def texts(figure):
    """(text, bounding box in pixels) of all texts that a figure really draws."""
    drawn = []

    def record(text, renderer):
        drawn.append((text.get_text(), text.get_window_extent(renderer)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", record)
        figure.draw_without_rendering()
    return [(text, box) for text, box in drawn if text.strip()]


def assert_inside(figure):
    width, height = figure.bbox.width, figure.bbox.height
    for text, box in texts(figure):
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
        assert inside, f"{text!r} is cut off"


def test_names_are_the_figures_that_are_drawn():
    assert tuple(drawing.DRAW) == figures.NAMES


def test_importing_figures_and_tables_is_light():
    heavy = "('matplotlib', 'pandas', 'torch')"
    code = f"import sys, rawm.reports.figures, rawm.reports.tables; print([n for n in {heavy} if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.mark.slow
def test_every_file_is_written_and_the_same_twice(made_up, tmp_path):
    study = made_up(seeds=(0, 1), tasks=2, methods=("finetune", "owm"))
    figures.make(study, tmp_path / "one")
    figures.make(study, tmp_path / "two")
    names = sorted(f"{name}.{suffix}" for name in figures.NAMES for suffix in ("svg", "png"))
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == names
    for name in names:
        content = (tmp_path / "one" / name).read_bytes()
        assert content == (tmp_path / "two" / name).read_bytes()
        assert len(content) < 1_000_000
    svg = (tmp_path / "one" / "comparison.svg").read_text()
    assert ">Fine-tuning</text>" in svg
    assert "dc:date" not in svg
    with Image.open(tmp_path / "one" / "comparison.png") as image:
        assert image.width == pytest.approx(7 * 300, abs=2)
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"seeds": (0,), "tasks": 1, "methods": ("finetune", "rawm")},
        {"seeds": (0, 1), "tasks": 2, "methods": ("finetune", "lwf"), "with_projectors": False},
        {"seeds": (0,), "tasks": 3, "methods": ("rawm_paper",)},
        {"seeds": (0, 1), "tasks": 8, "methods": (*METHODS, "a_method_with_a_very_long_name")},
        {"seeds": (0, 1), "tasks": 3, "methods": ("finetune", "owm"), "classes": EMOTIONS},
    ],
    ids=["one seed, one task", "no projectors", "no sharp rank", "many", "accuracy"],
)
def test_every_shape_of_study_gives_every_figure(made_up, options):
    found = drawing.load_results(made_up(**options))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for draw in drawing.DRAW.values():
            assert_inside(draw(found))


def test_a_study_without_projectors_says_so(made_up):
    found = drawing.load_results(made_up(seeds=(0,), tasks=2, methods=("finetune",)))
    assert "No method" in texts(drawing.DRAW["projector_rank"](found))[0][0]
    assert "No method" in texts(drawing.DRAW["projector_spectra"](found))[0][0]


def test_unfinished_studies_are_refused(made_up, tmp_path):
    study = made_up(seeds=(0,), tasks=1, methods=("finetune",))
    Run(study, "finetune", 0).metrics_path.unlink()
    with pytest.raises(UserError, match="not finished"):
        figures.make(study, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("tasks", [1, 3, 10])
def test_matrix_figure_prints_every_cell(tasks):
    matrix = np.arange((tasks + 1) * tasks).reshape(tasks + 1, tasks) / 2 + 0.1
    names = [f"A task with a rather long title {number}" for number in range(tasks)]
    figure = matrix_figure(matrix, names, "Open speech: RAWM, seed 0")
    assert_inside(figure)
    shown = [text for text, _ in texts(figure)]
    assert all(f"{value:.1f}" in shown for value in matrix.ravel())
    labels = [box for text, box in texts(figure) if "rather long" in text]
    assert not any(a.overlaps(b) for i, a in enumerate(labels) for b in labels[:i])


def test_accuracy_ends_at_its_best_value_and_the_best_method_is_on_top(made_up):
    study = made_up(seeds=(0, 1), tasks=3, methods=("finetune", "ewc"), classes=EMOTIONS)
    found = drawing.load_results(study)
    drawn = {name: drawing.DRAW[name](found) for name in ("matrices", "stream", "average", "comparison")}
    for figure in drawn.values():
        shown = " ".join(text for text, _ in texts(figure))
        assert "accuracy" in shown and "EER" not in shown
    best = found.values("ewc", "average_accuracy").mean()
    assert best > found.values("finetune", "average_accuracy").mean()
    methods, forgetting = drawn["comparison"].axes[:2]
    assert methods.get_yticklabels()[0].get_text() == study.title("ewc")
    assert methods.get_xlim()[1] == 100 and methods.get_ylim()[0] > methods.get_ylim()[1]
    assert drawn["average"].axes[0].get_ylim()[1] == 100
    assert forgetting.get_xlabel() == "forgetting: accuracy decrease (points)"


@pytest.mark.parametrize("measure", [EER, ACCURACY])
def test_lighter_cells_are_better(measure):
    figure = matrix_figure([[50.0], [1.0]], ["task"], "title", measure)
    (mesh,) = (drawn for drawn in figure.axes[0].collections if drawn.get_array() is not None)
    worse, better = mesh.to_rgba(measure.errors(np.array([40.0, 5.0])))[:, :3].sum(axis=1)
    assert better > worse


def test_figures_leave_no_state_behind():
    import matplotlib

    before = dict(matplotlib.rcParams)
    matrix_figure(np.full((3, 2), 20.0), ["a", "b"], "title")
    assert dict(matplotlib.rcParams) == before
    assert not sys.modules.get("matplotlib.pyplot") or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_looks_differ_and_stay_when_methods_are_added():
    own = [f"ablation_{number}" for number in range(12)]
    looks = style.looks([*style.LOOKS, *own])
    assert len(set(looks.values())) == len(looks)
    assert len({(look.colour, look.marker) for look in style.LOOKS.values()}) == len(style.LOOKS)
    fewer = style.looks([*METHODS, *own[:6]])
    assert all(looks[method] == look for method, look in fewer.items())
    assert len({look.colour for method, look in looks.items() if method in METHODS}) == len(METHODS)


def test_leading_subspace_holds_the_energy_and_no_direction_more():
    features = np.random.default_rng(0).standard_normal((200, 12)) * np.arange(1, 13)
    values = np.linalg.svd(features, compute_uv=False) ** 2
    basis = leading_subspace(features, 0.9)
    rank = basis.shape[1]
    assert values[:rank].sum() >= 0.9 * values.sum() > values[: rank - 1].sum()
    np.testing.assert_allclose(basis.T @ basis, np.eye(rank), atol=1e-12)
    assert np.linalg.norm(features @ basis) ** 2 == pytest.approx(values[:rank].sum())
    assert leading_subspace(np.zeros((5, 4))).shape[0] == 4


def test_principal_angles_agree_with_scipy():
    rng = np.random.default_rng(1)
    one, other = np.linalg.qr(rng.standard_normal((9, 4)))[0], np.linalg.qr(rng.standard_normal((9, 3)))[0]
    np.testing.assert_allclose(np.arccos(cosines(one, other)), subspace_angles(one, other)[::-1], atol=1e-7)
    assert np.mean(cosines(one, one) ** 2) == pytest.approx(1)


def test_random_subspaces_share_what_the_figure_says():
    rng = np.random.default_rng(2)
    bases = [np.linalg.qr(rng.standard_normal((30, k)))[0] for k in (12, 20) for _ in range(100)]
    shared = np.mean([np.mean(cosines(a, b) ** 2) for a, b in zip(bases[:100], bases[100:], strict=True)])
    assert shared == pytest.approx(20 / 30, abs=0.01)


def test_subspace_figure_prints_the_overlap():
    same = np.random.default_rng(3).standard_normal((50, 6))
    shown = [text for text, _ in texts(subspaces([same, same], ["one", "two"], energy=1.0))]
    assert "1.00\n(1.00)" in shown
    assert "6\nof 6" in shown


@pytest.mark.parametrize("pooled", [True, False])
def test_task_inputs_are_standardised_by_the_first_task(made_up, monkeypatch, pooled):
    generator = torch.Generator().manual_seed(0)
    frames = [[5 + number + torch.randn(7, 4, generator=generator) for _ in range(30)] for number in range(2)]
    stacks = [torch.stack([f.mean(0) for f in task]) if pooled else Frames.pack(task) for task in frames]
    samples = [Samples([str(i) for i in range(30)], torch.zeros(30, dtype=torch.int64), stack) for stack in stacks]
    monkeypatch.undo()
    monkeypatch.setattr("rawm.tasks.loading.load_split", lambda study, number, split, seed: samples[number - 1])
    study = SimpleNamespace(tasks=[1, 2], detector=MLP(type="mlp"))
    first, second = drawing.task_inputs(study, 0)
    assert first.shape == ((30, 4) if pooled else (210, 4))
    np.testing.assert_allclose(first.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(first.std(0), 1, atol=1e-5)
    assert (second.mean(0) > 0.5).all()
    study.detector = MLP(type="mlp", standardisation="per_task")
    np.testing.assert_allclose(drawing.task_inputs(study, 0)[1].mean(0), 0, atol=1e-5)


def lines(axes):
    """(x, y) of each line of some axes."""
    return [np.array(line.get_xydata()).T for line in axes.lines]


def test_the_comparison_draws_the_stored_intervals_and_prints_them(made_up):
    found = drawing.load_results(made_up(seeds=(0, 1), tasks=3, methods=("finetune", "rawm")))
    estimates = uncertainty.load(found.study)["methods"]
    figure = drawing.DRAW["comparison"](found)
    for axes, key in zip(figure.axes[:2], (EER.average, EER.forgetting), strict=True):
        drawn = {tuple(x) for x, _ in lines(axes) if len(x) == 2}
        for method in found.methods:
            stored = estimates[method][key]
            assert any(np.allclose(pair, (stored["low"], stored["high"])) for pair in drawn)
            shown = f"{stored['value']:.1f} [{stored['low']:.1f}, {stored['high']:.1f}]"
            assert shown in [text for text, _ in texts(figure)]


def test_det_rejects_as_many_as_a_loop_over_all_thresholds_says():
    rng = np.random.default_rng(5)
    genuine, fake = np.round(rng.normal(1, 1, 40), 1), np.round(rng.normal(0, 1, 60), 1)
    for accepted in (0.0, 0.05, 0.3, 1.0):
        thresholds = [-9.0, *np.concatenate([genuine, fake])]
        # Among equal scores genuine ones are rejected first, so a threshold may lie between them.
        pairs = [
            (np.mean(genuine <= t), np.mean(g(fake, t))) for t in thresholds for g in (np.greater, np.greater_equal)
        ]
        expected = min(frr for frr, far in pairs if far <= accepted + 1e-12)
        assert rejected(genuine, fake, np.array([accepted]))[0] == pytest.approx(expected)


def test_det_marks_the_eer_and_leaves_what_it_cannot_tell_apart_grey():
    rng = np.random.default_rng(6)
    scores = {f"m{k:02}": [(rng.normal(0.3 * k, 1, 400), rng.normal(0, 1, 400))] for k in range(12)}
    figure = det(scores, {name: name for name in scores}, ["m00"])
    curves = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 200]
    markers = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert len(curves) == 12 and len(markers) == style.DRAWN
    assert sum(line.get_color() == "#D0D0D0" for line in curves) == 12 - style.DRAWN
    shown = [text for text, _ in texts(figure)]
    assert "m00" in shown and "m11" in shown and "m01" not in shown
    expected = [eer(*scores[name][0]).value for name in ("m00", "m05", "m11")]
    at = sorted(norm.cdf(line.get_xdata()[0]) for line in markers)
    assert [at[-1], at[-2], at[0]] == pytest.approx([expected[0], expected[1], max(expected[2], 0.008)], abs=0.02)


def test_ranks_are_drawn_where_they_are_and_bars_join_cliques():
    ranks = {"critical_difference": 1.2, "friedman_p": 0.01, "blocks": 10, "alpha": 0.05}
    ranks |= {
        "mean_ranks": {"finetune": 3.5, "rawm": 1.5, "owm": 2.4},
        "cliques": [["rawm", "owm"], ["owm", "finetune"]],
    }
    figure = critical_difference(ranks, {"finetune": "Fine-tuning", "rawm": "RAWM", "owm": "OWM"})
    assert_inside(figure)
    assert "RAWM  1.5" in [text for text, _ in texts(figure)]
    markers = {x[0] for x, y in lines(figure.axes[0]) if len(x) == 1}
    assert markers == {3.5, 1.5, 2.4}
    bars = [line.get_xdata() for line in figure.axes[0].lines if line.get_linewidth() == 2.2]
    assert [list(bar) for bar in bars] == [pytest.approx([1.44, 2.46]), pytest.approx([2.34, 3.56])]
    untested = critical_difference(ranks | {"critical_difference": None}, {})
    assert "Ranks need two methods" in texts(untested)[0][0]


def test_a_sweep_shows_mean_and_deviation_of_the_seeds_that_were_run():
    curve = np.array([[10.0, 20.0], [np.nan, np.nan], [30.0, np.nan]])
    figure = sweep([0.25, 0.5, 1.0], {"RAWM": curve}, "share", "average EER (%)")
    ((x, y),) = lines(figure.axes[0])
    assert list(x) == [0.25, 1.0] and list(y) == [15.0, 30.0]
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(15 - np.std([10, 20], ddof=1)) and band[:, 1].max() == 30
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0.25", "0.5", "1"]


def test_an_ablation_says_what_a_part_is_worth():
    values = {"rawm": np.array([17.0, 18.0]), "rawm_no_modification": np.array([28.0, 30.0])}
    figure = ablation(values, {"rawm": "RAWM", "rawm_no_modification": "without AWM"}, EER, "rawm")
    assert_inside(figure)
    shown = [text for text, _ in texts(figure)]
    assert "17.5" in shown and "29.0 (+11.5)" in shown


def test_embeddings_are_principal_components_of_each_panel():
    rng = np.random.default_rng(7)
    points = rng.standard_normal((50, 5)) * [5, 3, 1, 0.5, 0.1]
    u, s, _ = np.linalg.svd(points - points.mean(0), full_matrices=False)
    flat, share = components(points)
    np.testing.assert_allclose(np.abs(flat), np.abs(u[:, :2] * s[:2]), atol=1e-9)
    assert share == pytest.approx((s[:2] ** 2).sum() / (s**2).sum())
    labels = [np.array(["genuine", "fake"] * 10), np.array(["fake"] * 30)]
    figure = embeddings({"RAWM": [[points[:20], points[20:]]]}, labels, ["one", "two"], [2])
    assert_inside(figure)
    assert sorted(len(drawn.get_offsets()) for drawn in figure.axes[0].collections) == [10, 10, 30]
    assert f"{share:.0%} of the variance" in [text for text, _ in texts(figure)]


def test_of_many_methods_the_best_are_coloured_with_bands_and_the_others_are_pale():
    rng = np.random.default_rng(8)
    level = {f"m{k:02}": 10.0 + k for k in range(11)} | {"rawm": 45.0}
    matrices = {name: value + rng.uniform(-1, 1, (3, 4, 3)) for name, value in level.items()}
    figure = stream(matrices, {name: name for name in level}, ["one", "two", "three"], EER)
    assert_inside(figure)
    shown = [text for text, _ in texts(figure)]
    assert {"m00", "m06", "rawm", "4 others"} <= set(shown) and "m07" not in shown
    curves = [line for line in figure.axes[1].lines if len(line.get_xdata()) == 4]
    assert [line.get_color() == style.PALE for line in curves] == [7 <= k <= 10 for k in range(12)]
    np.testing.assert_allclose(curves[3].get_ydata(), matrices["m03"][:, :, 1].mean(axis=0))
    bands = [drawn for drawn in figure.axes[1].collections if drawn.get_alpha() == 0.15]
    assert len(bands) == style.DRAWN
    std = matrices["m00"][:, :, 1].std(axis=0, ddof=1)
    mean, edge = matrices["m00"][:, :, 1].mean(axis=0), bands[0].get_paths()[0].vertices[:, 1]
    assert [edge.min(), edge.max()] == pytest.approx([(mean - std).min(), (mean + std).max()])
    few = stream({name: matrices[name] for name in ("m00", "rawm")}, {"m00": "a", "rawm": "b"}, ["1", "2", "3"], EER)
    assert not [text for text, _ in texts(few) if "others" in text]
