"""A page of the portal as the demo reads it: elements with their `data-` attributes, links and forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})


@dataclass
class Element:
    """One element: its tag and attributes, names without `data-`; its text in one line, and what stands directly in it."""

    tag: str
    attributes: dict[str, str]
    data: dict[str, str]
    pieces: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return what a person reads, white space as one space."""
        return " ".join("".join(self.pieces).split())


@dataclass
class Form:
    """One form: where it goes and what it holds before a person types.

    Args:
        data: Its `data-` attributes.
        ways: Where each button with a `data-action` sends it.
    """

    action: str
    method: str
    identifier: str
    data: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    ways: dict[str, str] = field(default_factory=dict)


@dataclass
class PageContent:
    """What a page holds."""

    elements: list[Element] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)

    def rows(self, *names: str, **values: str) -> list[dict[str, str]]:
        """Return the `data-` attributes of elements that have all those names and values.

        Args:
            names: Names that must be there, without `data-`, `_` for `-`.
            values: Names with the value they must have.
        """
        return [element.data for element in self.found(*names, **values)]

    def found(self, *names: str, **values: str) -> list[Element]:
        """Return the elements that have all those names and values; arguments as `rows`."""
        wanted = [name.replace("_", "-") for name in names]
        exact = {name.replace("_", "-"): value for name, value in values.items()}
        return [
            element
            for element in self.elements
            if all(name in element.data for name in wanted) and all(element.data.get(k) == v for k, v in exact.items())
        ]

    def link(self, **values: str) -> str:
        """Return the address of the first link with those `data-` attributes, or an empty string."""
        exact = {name.replace("_", "-"): value for name, value in values.items()}
        found = (e for e in self.elements if e.tag == "a" and all(e.data.get(k) == v for k, v in exact.items()))
        return next((element.attributes.get("href", "") for element in found), "")

    def form_with(self, *names: str) -> Form | None:
        """Return the first form that has all those fields or buttons."""
        for form in self.forms:
            offered = set(form.fields) | {name for name, _ in form.buttons}
            if set(names) <= offered:
                return form
        return None

    def form_of(self, action: str) -> Form | None:
        """Return the first form whose `data-action` this is, or that has a button with it."""
        return next((form for form in self.forms if form.data.get("action") == action or action in form.ways), None)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = PageContent()
        self._form: Form | None = None
        self._select = ""
        self._textarea = ""
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what a browser would send."""
        attributes = {name: value or "" for name, value in attrs}
        data = {name.removeprefix("data-"): value for name, value in attributes.items() if name.startswith("data-")}
        element = Element(tag, attributes, data)
        self.page.elements.append(element)
        if self._open:
            self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)
        if tag == "form":
            form = Form(attributes.get("action", ""), attributes.get("method", "get").lower(), attributes.get("id", ""), data)
            self._form = form
            self.page.forms.append(form)
        elif self._form is not None:
            self._control(tag, attributes, self._form)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Treat `<input/>` as `<input>`."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close elements, forms and lists."""
        if any(element.tag == tag for element in self._open):
            while self._open.pop().tag != tag:
                pass  # what the page left open ends with what it stands in
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        """Keep text, and that of a text area as it was sent."""
        for element in self._open:
            element.pieces.append(data)
        if self._textarea and self._form is not None:
            # The line break right behind the tag is not part of the text.
            begins = not self._form.fields[self._textarea]
            self._form.fields[self._textarea] += data.removeprefix("\n") if begins else data

    def _control(self, tag: str, attributes: dict[str, str], form: Form) -> None:
        name, value = attributes.get("name", ""), attributes.get("value", "")
        kind = attributes.get("type", "submit" if tag == "button" else "text").lower()
        if tag == "button" and "data-action" in attributes:
            form.ways[attributes["data-action"]] = attributes.get("formaction", form.action)
        if tag == "option" and self._select:
            if "selected" in attributes or self._select not in form.fields:
                form.fields[self._select] = value
        elif not name or "disabled" in attributes:
            return
        elif tag == "select":
            self._select = name
        elif tag == "textarea":
            self._textarea = name
            form.fields[name] = ""
        elif tag == "button" or (tag == "input" and kind == "submit"):
            form.buttons.append((name, value))
        elif tag == "input" and (kind not in {"radio", "checkbox"} or "checked" in attributes):
            form.fields[name] = value
        elif tag == "input" and kind == "radio":
            form.fields.setdefault(name, "")


def read(html: str) -> PageContent:
    """Read a page."""
    reader = _Reader()
    reader.feed(html)
    return reader.page
