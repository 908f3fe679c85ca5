"""How Sphinx builds the documentation: `make docs`. Nothing here needs the network, neither the build nor a reader."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "holdfast"
author = "the holdfast maintainers"
project_copyright = f"2026, {author}"
release = version = installed_version("holdfast")

extensions = ["myst_parser", "made"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}
root_doc = "index"
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "holdfast"
html_copy_source = False
html_show_sphinx = False
