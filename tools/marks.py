"""Parts of pages that are made from code and results stand between two marks."""


def replaced(page: str, name: str, text: str) -> str:
    """The page with other text between its marks `<!-- name: begin -->` and `<!-- name: end -->`."""
    begin = f"<!-- {name}: begin -->\n"
    start, end = page.index(begin) + len(begin), page.index(f"<!-- {name}: end -->")
    return page[:start] + text + page[end:]
