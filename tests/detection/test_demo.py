"""The page of `rawm demo`, driven in a real browser."""

import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.browser import BROWSER
from support.stores import free_port

from rawm.detection.demo import judge
from rawm.detection.detector import Detector

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(bundle):
    """The address of the page of RAWM's detector."""
    command = [Path(sys.executable).with_name("rawm"), "demo", "--model", "model", "--no-browser"]
    command += ["--port", str(free_port())]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = server.stdout.readline()
        yield re.search(r"http://\S+", line)[0]
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(120) == 0


def recording(folder, name="a.wav", seconds=2.0):
    soundfile.write(folder / name, 0.1 * np.random.default_rng(0).standard_normal(round(16000 * seconds)), 16000)
    return folder / name


def test_the_verdict_is_that_of_the_python_interface(bundle, tmp_path):
    detector, path = Detector.load("model"), recording(tmp_path)
    for name, threshold in detector.thresholds.items():
        text, figure = judge(detector, str(path), name)
        score = detector.score_file(path)
        assert text.startswith("## Fake" if score <= threshold else "## Genuine")
        assert f"**{score:.2f}**" in text and f"at or below {threshold:.2f} ({name} on " in text
        assert len(figure.axes) == 2
    (tmp_path / "text.wav").write_text("no sound")
    text, figure = judge(detector, str(tmp_path / "text.wav"), "eer")
    assert text.startswith("**Not scored.** text.wav cannot be decoded") and figure is None
    assert judge(detector, None, "eer")[1] is None


def test_only_this_machine_is_listened_on(page):
    assert page.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(page, timeout=20) as answer:
        assert answer.status == 200
    port = int(page.rstrip("/").rpartition(":")[2])
    with open("/proc/net/tcp") as table:
        listening = {line.split()[1] for line in table if line.split()[3] == "0A"}
    assert f"0100007F:{port:04X}" in listening and f"00000000:{port:04X}" not in listening


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_shows_score_decision_threshold_and_picture(page, bundle, tmp_path):
    from playwright.sync_api import expect, sync_playwright

    detector, path = Detector.load("model"), recording(tmp_path)
    score = detector.score_file(path)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        tab = browser.new_page()
        requests = []
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(page)
        tab.set_input_files("input[type=file]", path)
        verdict = tab.locator("#verdict")
        expect(verdict).to_contain_text(f"Score {score:.2f}", timeout=60_000)
        expect(verdict).to_contain_text(f"at or below {detector.thresholds['eer']:.2f} (eer on development data")
        expect(tab.locator("#picture img")).to_be_visible(timeout=60_000)
        tab.get_by_label("fpr1").check()
        expect(verdict).to_contain_text("(fpr1 on development data", timeout=60_000)
        tab.get_by_label("Clear").click()
        shutil.copy(Path(__file__), tmp_path / "text.wav")
        tab.set_input_files("input[type=file]", tmp_path / "text.wav")
        expect(verdict).to_contain_text("Not scored", timeout=60_000)
        browser.close()
    assert all(url.startswith((page, "data:", "blob:")) for url in requests)
