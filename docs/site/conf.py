"""Settings of Sphinx for the site made of the pages in docs/, config/ and results/ (`make site`).

The source folder is the repository, so that links lead to the same files as on GitHub.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT)]

project = "rawm"
html_title = "rawm"
copyright = "the authors of rawm, Apache License 2.0"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "pages"]
root_doc = "docs/README"
include_patterns = ["docs/**.md", "config/README.md", "results/README.md"]
exclude_patterns = [*(set(os.listdir(ROOT)) - {"docs", "config", "results"}), "results/[!R]*"]

myst_heading_anchors = 4
highlight_language = "text"
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = False

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
default_role = "literal"
napoleon_use_ivar = True
python_maximum_signature_line_length = 90
#: Names of other packages, whose sites are not asked, and of ours that the reference leaves out.
nitpick_ignore_regex = [
    ("py:.*", r"(?!rawm\.).*"),
    ("py:class", r"rawm\.config\..*|rawm\..*\.(ModelFile|Settings|AnyListed)"),
]

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["index.html"]
html_show_sourcelink = False
html_copy_source = False
