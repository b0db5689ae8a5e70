"""A page as tests read it."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """What a page loads, links to, shows and says. ``titles``: what is told where a pointer rests."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.pictures: list[str] = []
        self.titles: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = {name: value or "" for name, value in attrs}
        self.loads += [given[name] for name in ("src", "srcset", "data", "poster") if name in given]
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        if tag in ("svg", "img"):
            self.pictures.append(given["alt" if tag == "img" else "aria-label"])

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] == ["title"]:
            self.titles.append(data)
        else:
            self.text += data
