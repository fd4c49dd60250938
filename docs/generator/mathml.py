"""Equations as MathML, which browsers draw without a script or a network: an extension of Sphinx."""

from docutils.nodes import Element, SkipNode, math, math_block
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer `mathml`, which `html_math_renderer` chooses."""
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(translator: HTML5Translator, node: math) -> None:
    translator.body.append(convert(node.astext()))
    raise SkipNode


def _block(translator: HTML5Translator, node: math_block) -> None:
    """Write a displayed equation, with its number where it has a label."""
    number = _number(translator, node)
    translator.body.append(translator.starttag(node, "div", CLASS="equation"))
    translator.body.append(convert(node.astext(), display="block"))
    translator.body.append(f'<span class="equation-number">{number}</span></div>\n')
    raise SkipNode


def _number(translator: HTML5Translator, node: Element) -> str:
    if not node["number"]:
        return ""
    translator.add_permalink_ref(node, "Link to this equation")
    return f"({node['number']}){translator.body.pop()}"
