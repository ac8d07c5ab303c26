"""The months of the main figures as a plot in SVG, without script; pygal is imported when a plot is asked for."""

from __future__ import annotations

import base64
import hashlib
import re
from html import escape, unescape

from ris.adapters.usage.french import PLOT_TITLE, SHORT
from ris.application.usage.dashboard import Dashboard
from ris.domain.usage.figures import BY_CODE, summed

_COLOURS = ("#12507b", "#b3541e", "#3b7a57", "#5b4a8a")
_FEW = 10
"""Up to here each whole number has its line: a scale of its own would write the same one several times."""
_SCRIPT = re.compile(r"<script[^>]*>.*?</script>", re.DOTALL)
_INLINE = re.compile(r' style="opacity: 0"')
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)


def svg_of(found: Dashboard) -> str:
    """Return the plot; its numbers stand in its description too, for those who do not see it."""
    import pygal
    from pygal.style import Style

    style = Style(colors=_COLOURS, background="#ffffff", plot_background="#ffffff", font_family="sans-serif", label_font_size=12)
    chart = pygal.Bar(
        style=style,
        js=[],
        width=960,
        height=420,
        title=PLOT_TITLE,
        legend_at_bottom=True,
        legend_at_bottom_columns=2,
        x_label_rotation=45 if len(found.months) > _FEW else 0,
        show_y_guides=True,
        include_x_axis=True,
        value_formatter=lambda value: f"{value:.0f}",
        pretty_print=False,
        no_prefix=True,
        disable_xml_declaration=True,
    )
    chart.x_labels = list(found.months)
    series = {name: [BY_CODE[code].total(summed(axes.values())) for axes in found.months.values()] for code, name in SHORT.items()}
    for name, totals in series.items():
        chart.add(name, totals)
    reached = {0, *(total for totals in series.values() for total in totals)}
    if max(reached) - min(reached) <= _FEW:
        chart.y_labels = range(min(reached), max(*reached, 1) + 1)
    drawn = _INLINE.sub(' opacity="0"', _SCRIPT.sub("", chart.render(is_unicode=True)))
    return _described(drawn, described(found))


def described(found: Dashboard) -> str:
    """Return what the plot shows, as a sentence for each series."""
    parts = []
    for code, name in SHORT.items():
        numbers = [(month, BY_CODE[code].total(summed(axes.values()))) for month, axes in found.months.items()]
        parts.append(f"{name} : " + ", ".join(f"{month} {number}" for month, number in numbers) + ".")
    return f"{PLOT_TITLE}. " + " ".join(parts)


def style_hashes(svg: str) -> str:
    """Return the sources of a policy that allows the plot's own style sheets and no other."""
    hashes = [hashlib.sha256(unescape(text).encode()).digest() for text in _STYLE.findall(svg)]
    return " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in hashes)


def _described(svg: str, text: str) -> str:
    head, closing, rest = svg.partition(">")
    return f'{head} role="img" aria-labelledby="plot-title plot-text"{closing}<title id="plot-title">{escape(PLOT_TITLE)}</title><desc id="plot-text">{escape(text)}</desc>{rest}'
