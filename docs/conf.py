"""How Sphinx makes the site of these pages: `sphinx-build -W -c docs . FOLDER`.

The pages are plain Markdown, as GitHub shows them. The root of the repository is the
source, so that a link from a page to CONTRIBUTING.md is one of the site too.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from crossemo.version import __version__  # noqa: E402

project, author, release = "crossemo", "The crossemo developers", __version__
project_copyright = "The crossemo developers, Apache licence 2.0"
root_doc = "docs/index"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/*.md"]
exclude_patterns = [
    path.name
    for path in HERE.parent.iterdir()
    if path.is_dir() and path.name != HERE.name
]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "docs.site_extension",
]
nitpicky = True
# Types in signatures, of which many are other libraries' or of no concern to a reader.
nitpick_ignore_regex = [("py:(class|exc)", ".*")]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings = ["myst.header"]  # CHANGELOG's and the README's own levels

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
napoleon_use_ivar = True  # all of a docstring in one list
toc_object_entries_show_parents = "hide"  # beside the page, where there is no room
default_role = "literal"  # as single backticks are meant in the docstrings

smartquotes = False  # a sentence of an error is searched as it is shown

html_theme = "pydata_sphinx_theme"
html_title = f"crossemo {release}"
html_show_sourcelink = False
html_copy_source = False
templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_sidebars = {"**": ["sidebar.html"]}
html_theme_options = {
    "article_header_start": [],
    "navbar_center": [],
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
