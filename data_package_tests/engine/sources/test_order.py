"""The order of deliveries: by numbers and dates in names, or a list; never by chance."""

from pathlib import Path

import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.sources.assets import source_file
from data_package.engine.sources.order import Order, fault_of, in_order


def ordered(order: Order, *labels: str) -> list[str]:
    assert fault_of(order) == ""
    known = {Path("/study", label): label for label in labels}
    return [known[path] for path in in_order("visits", order, known)]


def refused(order: Order, *labels: str) -> str:
    with pytest.raises(ProjectError) as caught:
        ordered(order, *labels)
    return str(caught.value)


@pytest.mark.parametrize(
    ("order", "labels"),
    [
        (r"_(?P<n>\d+)\.csv", ("v_9.csv", "v_10.csv", "v_101.csv")),
        (r"_(?P<n>\d+)\.csv", ("v_009.csv", "v_10.csv")),
        (r"_(?P<date>[\d-]+)\.csv", ("v_2024-9-30.csv", "v_2024-10-01.csv", "v_2025-01-01.csv")),
        (r"_(?P<date>\d{8})\.csv", ("v_20240930.csv", "v_20241001.csv")),
        (
            r"(?P<day>\d\d)-(?P<month>\d\d)-(?P<year>\d{4})",
            ("v_31-12-2023.csv", "v_01-02-2024.csv", "v_02-01-2025.csv"),
        ),
        (r"v(?P<version>[\d.]+)/(?P<part>\d+)", ("v1.9/2.csv", "v1.10/1.csv", "v1.10/3.csv")),
        (("b.csv", "deliveries/a.csv"), ("deliveries/b.csv", "deliveries/a.csv")),
    ],
)
def test_files_are_ordered_by_what_their_names_say(order: Order, labels: tuple[str, ...]) -> None:
    assert ordered(order, *labels) == list(labels)
    assert ordered(order, *reversed(labels)) == list(labels)


@pytest.mark.parametrize(
    ("order", "labels", "expected"),
    [
        (r"_(?P<n>\d+)", ("v_1.csv", "v_last.csv"), "is not in the name of v_last.csv"),
        (r"_(?P<n>\d+)", ("a/v_1.csv", "b/v_01.csv"), "the same place"),
        (r"_(?P<n>\w+)\.", ("v_jan.csv", "v_feb.csv"), "not a number or a date"),
        (r"_(?P<d>[\d-]+)\.", ("v_01-02-2024.csv",), "begins with its day"),
        (r"_(?P<d>\d+)\.", ("v_31122024.csv",), "begins with its day"),
        (r"_(?P<d>[\d-]+)\.", ("v_20240101.csv", "v_2024-01-02.csv"), "in different ways"),
        (r"_(?P<year>\d+)\.", ("v_24.csv", "v_2025.csv"), "in different ways"),
        (r"_(?P<n>\d+)(?P<m>-\d)?", ("v_1.csv",), "is not in the name"),
        (("a.csv",), ("a.csv", "b.csv"), "does not list b.csv"),
        (("a.csv", "c.csv"), ("a.csv",), "'c.csv' in its order is not one of its files"),
        (("a.csv",), ("x/a.csv", "y/a.csv"), "is the name of x/a.csv and y/a.csv"),
        (("a.csv", "x/a.csv"), ("x/a.csv",), "lists x/a.csv twice"),
    ],
)
def test_an_order_that_is_in_doubt_is_refused(
    order: Order, labels: tuple[str, ...], expected: str
) -> None:
    assert expected in refused(order, *labels)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"newest_per": ["id"]}, "has no order="),
        ({"order": r"(?P<n>\d)"}, "has no newest_per="),
        ({"newest_per": "id", "order": r"\d+"}, "has no named group"),
        ({"newest_per": "id", "order": "("}, "is not a regular expression"),
        ({"newest_per": "id", "order": ["a.csv", "a.csv"]}, "names 'a.csv' twice"),
    ],
)
def test_a_wrong_order_is_refused_where_it_is_declared(
    declared: dict[str, str | list[str]], expected: str
) -> None:
    with pytest.raises(ProjectError) as caught:
        source_file("visits", "*.csv", **declared)  # type: ignore[arg-type]
    assert expected in str(caught.value)
    assert "test_order.py:" in str(caught.value)


def test_a_list_may_name_files_of_other_partitions() -> None:
    labels = {Path(name): name for name in ("2025-b.csv", "2025-a.csv")}
    listed = ("2024-a.csv", "2025-a.csv", "2025-b.csv")
    assert in_order("visits", listed, labels, some=True) == [*labels][::-1]
    with pytest.raises(ProjectError, match=r"does not list 2025-b\.csv"):
        in_order("visits", listed[:2], labels, some=True)
