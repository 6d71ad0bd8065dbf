from __future__ import annotations

import pytest

from sync_worker.insight.feedback import count_criteria, count_values, find_criteria, format_counts


@pytest.mark.parametrize(
    ("note", "criteria"),
    [
        ("#pricing_pages: too many points", ["pricing_pages"]),
        ("(#views), #clicks and #views again", ["views", "clicks"]),
        ("see https://x.example/page#top, ticket #12, C#, &#39;", []),
        ("", []),
    ],
)
def test_a_note_names_criteria_with_a_number_sign(note: str, criteria: list[str]) -> None:
    assert find_criteria(note) == criteria


def test_our_values_come_first_and_options_of_users_are_counted_too() -> None:
    counts = count_values(["spam", "bad_fit", "", "good_lead", "bad_fit"])
    assert list(counts.items()) == [("good_lead", 1), ("bad_fit", 2), ("spam", 1)]
    assert format_counts(counts) == "1 good lead, 2 bad fit, 1 spam"


def test_notes_count_for_the_criteria_that_they_name() -> None:
    notes = [("good_lead", "#views #clicks"), ("bad_fit", "#views"), ("", "#views"), ("bad_fit", "no tag")]
    assert count_criteria(notes) == {"clicks": {"good_lead": 1}, "views": {"good_lead": 1, "bad_fit": 1, "no value": 1}}
