"""What Snakemake plans after one edit of the code or the configuration of a finished study.

The code is a copy of the package and the workflow, so that it may be edited.
"""

import re
import shutil
from collections import Counter

import pytest
from support.commands import ROOT, edit, planned

EVERY_METHOD = ("finetune", "joint", "rawm")
REPORTS = Counter(estimate_uncertainty=1, make_tables=1, draw_figures=1, export_model=1, log_to_mlflow=1)
TASKS = 3


def trained(*methods):
    """Jobs of the runs of some methods, and what is made of all runs."""
    jobs = Counter({f"train_task {method}": TASKS for method in methods})
    return jobs + Counter({f"evaluate_run {method}": 1 for method in methods}) + REPORTS


class Copy:
    """A copy of the code beside the finished study."""

    def __init__(self, code, study):
        self.code, self.study = code, study

    def edit(self, file, old, new):
        path = self.code / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def planned(self):
        """rule, with the method for rules of runs -> jobs that a dry run plans."""
        return planned(self.study, code=self.code, variables={"PYTHONPATH": str(self.code)})


@pytest.fixture
def copy(finished, tmp_path):
    code, study = tmp_path / "code", tmp_path / "study"
    shutil.copytree(finished, study, copy_function=shutil.copy2)
    for folder in ("rawm", "workflow"):
        shutil.copytree(ROOT / folder, code / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return Copy(code, study)


def test_nothing_is_planned_for_a_copy_of_the_code(copy):
    assert copy.planned() == {}


def test_comments_wording_and_names_of_modules_plan_nothing(copy):
    edit(copy.study, "methods/rawm.yaml", "algorithm: rawm", "algorithm: rawm  # another comment")
    edit(copy.study, "methods/rawm.yaml", "temperature: 2.0 ", "# temperature: 2.0 ")  # the default
    edit(copy.study, "streams/synthetic.yaml", "tasks:", "# another comment\ntasks:")
    copy.edit("rawm/manifest.py", "is not unique", "occurs more than once")
    copy.edit("rawm/methods/rawm.py", '"""Regularized Adaptive', '"""Another sentence. Regularized Adaptive')
    (copy.code / "rawm/methods/rawm.py").rename(copy.code / "rawm/methods/adaptive.py")
    copy.edit("rawm/methods/__init__.py", "rawm.methods.rawm:RAWM", "rawm.methods.adaptive:RAWM")
    assert copy.planned() == {}


def test_a_changed_default_plans_the_methods_that_rely_on_it(copy):
    path = copy.code / "rawm/config/methods.py"
    path.write_text(re.sub(r"(temperature: float = Field\()2\.0", r"\g<1>9.0", path.read_text()))
    assert copy.planned() == {}  # config/methods/rawm.yaml has a value of its own
    edit(copy.study, "methods/rawm.yaml", "temperature: 2.0 ", "# temperature: 2.0 ")
    assert copy.planned() == trained("rawm")


def test_a_changed_default_of_front_ends_plans_features_and_what_is_made_of_them(copy):
    copy.edit("rawm/config/frontends.py", 'Field("hamming"', 'Field("hann"')
    assert copy.planned() == trained(*EVERY_METHOD) + Counter(extract_features=3)


def test_code_of_subsets_plans_all_training_and_evaluation(copy):
    copy.edit("rawm/study/subsets.py", "max(1, round(total", "max(2, round(total")
    assert copy.planned() == trained(*EVERY_METHOD)


def test_code_of_a_method_plans_its_runs_alone(copy):
    copy.edit("rawm/methods/ewc.py", "self.settings.lambda_ / 2", "self.settings.lambda_ / 3")
    assert copy.planned() == {}
    copy.edit("rawm/methods/parts/distillation.py", "shape[1]] / temperature", "shape[1]] * temperature")
    assert copy.planned() == trained("rawm")


def test_titles_plan_what_shows_them(copy):
    edit(copy.study, "methods/rawm.yaml", "title: RAWM", "title: Regularized adaptive")
    assert copy.planned() == Counter(make_tables=1, draw_figures=1, log_to_mlflow=1)
    edit(copy.study, "methods/rawm.yaml", "title: Regularized adaptive", "title: RAWM")
    edit(copy.study, "methods/rawm.yaml", "note: ", "note: Another sentence. ")
    assert copy.planned() == Counter(log_to_mlflow=1)
