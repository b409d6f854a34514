"""The order in which lines are read."""

from itertools import chain

from workers.providers.vision.columns import in_columns


def line(text: str, x: float, y: float, width: float, height: float = 0.03) -> dict:
    return {"text": text, "x": x, "y": y, "width": width, "height": height}


def texts(lines) -> list[str]:
    return [item["text"] for item in in_columns(lines, 1.0)]


def rows(*pairs, top: float = 0.2):
    """Two columns, as they come row by row."""
    placed = [
        (line(left, 0.05, top + 0.1 * row, 0.4), line(right, 0.55, top + 0.1 * row, 0.4))
        for row, (left, right) in enumerate(pairs)
    ]
    return list(chain.from_iterable(placed))


def test_each_column_is_read_to_its_end():
    assert texts(rows(("a1", "b1"), ("a2", "b2"), ("a3", "b3"))) == ["a1", "a2", "a3", "b1", "b2", "b3"]


def test_a_headline_over_both_columns_comes_first_and_what_stands_below_last():
    page = [line("head", 0.1, 0.05, 0.8), *rows(("a1", "b1"), ("a2", "b2"), ("a3", "b3")), line("foot", 0.1, 0.9, 0.8)]
    assert texts(page) == ["head", "a1", "a2", "a3", "b1", "b2", "b3", "foot"]


def test_a_headline_between_columns_parts_what_is_above_from_what_is_below():
    above, below = (
        rows(("a1", "b1"), ("a2", "b2"), ("a3", "b3"), top=0.1),
        rows(("c1", "d1"), ("c2", "d2"), ("c3", "d3")),
    )
    told = texts([*above, line("head", 0.1, 0.5, 0.8), *below])
    assert told == ["a1", "a2", "a3", "b1", "b2", "b3", "head", "c1", "c2", "c3", "d1", "d2", "d3"]


def test_a_table_is_read_row_by_row():
    cells = [line(f"{name}{row}", x, 0.1 * row, 0.1) for row in range(1, 5) for name, x in (("a", 0.1), ("b", 0.6))]
    assert texts(cells) == ["a1", "b1", "a2", "b2", "a3", "b3", "a4", "b4"]


def test_names_and_what_they_mean_are_read_row_by_row():
    """One column of words, one of running text."""
    listed = [
        item
        for row in range(1, 5)
        for item in (line(f"a{row}", 0.05, 0.1 * row, 0.1), line(f"b{row}", 0.4, 0.1 * row, 0.5))
    ]
    assert texts(listed) == ["a1", "b1", "a2", "b2", "a3", "b3", "a4", "b4"]


def test_nothing_and_one_line_stay_as_they_are():
    assert texts([]) == []
    assert texts([line("alone", 0.1, 0.1, 0.5)]) == ["alone"]
