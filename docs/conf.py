"""Settings of Sphinx; `python -m docs.generator.build_site` assembles the pages and calls it."""

from glimpse import __version__

project = "glimpse"
author = copyright = "The glimpse authors"
release = version = __version__
extensions = [
    "docs.generator.docstring_markup",
    "docs.generator.mathml",
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
# Notebooks come with their outputs; the files that their pages offer are no pages.
nb_execution_mode = "off"
nb_merge_streams = True
exclude_patterns = ["notebooks/files", "zh/notebooks/files"]
html_theme = "furo"
html_title = f"glimpse {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
html_math_renderer = "mathml"
# Single backticks in docstrings are code.
default_role = "code"
nitpicky = True
# Types in signatures belong to other libraries, whose sites are not here, or to modules without a page.
nitpick_ignore_regex = [("py:.*", ".*")]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_use_rtype = False
