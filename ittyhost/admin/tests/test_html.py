from datetime import timedelta

import pytest

from ittyhost.admin import html


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.34, "340 ms"), (4.21, "4.2 s"), (200, "3 min 20 s"), (7200, "2 h"), (190000, "2 d 4 h"), (-1, "0 ms")],
)
def test_lengths_of_time_are_said_in_the_units_people_use(seconds, said):
    assert html.span(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (None, "–"),
        (0, "0 B"),
        (312, "312 B"),
        (1300, "1.3 kB"),
        (66_131, "66 kB"),
        (5 * 10**9, "5 GB"),
        (999_999, "1 MB"),
    ],
)
def test_sizes_are_said_in_powers_of_a_thousand(count, said):
    assert html.size(count) == said


@pytest.mark.parametrize(
    "made",
    [
        html.badge("<script>", "bad"),
        html.bar(40, "<script>"),
        html.copyable("<script>"),
        html.pretty({"<script>": "<script>"}),
        html.facts([("<script>", "<script>")]),
        html.link("/x", "<script>"),
        html.short_id("<script>" * 10),
        html.two_lines("<script>", "<script>"),
    ],
)
def test_everything_given_is_escaped(made):
    assert "&lt;script&gt;" in made
    assert "<script" not in made
    assert "style=" not in made


def test_an_unknown_id_stays_text_and_is_escaped_where_it_is_shown():
    assert html.id_link("<script>") == "<script>"
    assert not hasattr(html.id_link("<script>"), "__html__")


def test_both_spellings_of_a_task_lead_to_its_page():
    for prefix in ("tsk", "task"):
        assert "/admin/tasks_app/task/0123456789abcdef/change/" in html.id_link(f"{prefix}_0123456789abcdef")
