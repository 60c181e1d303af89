"""The memory that a build may use, and the tags that say what a table needs."""

import os
from pathlib import Path

import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.needs import Needs, needs_of, together
from data_package.engine.package.dictionary.model import size_in_words
from data_package.engine.runs.memory import memory_of_machine, size, used_by


def machine(folder: Path, groups: str, **limits: str) -> tuple[Path, Path]:
    """A machine of 8 GB as its files describe it; `limits` by the path of a control group."""
    proc, cgroups = folder / "proc", folder / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal:        8000000 kB\nMemFree:  1 kB\n")
    (proc / "self" / "cgroup").write_text(groups)
    for place, limit in limits.items():
        file = cgroups / place.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.with_name(file.name.replace("_max", ".max")).write_text(limit)
    return proc, cgroups


def test_memory_is_that_of_the_machine_where_no_group_limits_it(tmp_path: Path) -> None:
    assert (
        memory_of_machine(*machine(tmp_path, "0::/user\n", user__memory_max="max\n")) == 8192000000
    )


def test_the_smallest_limit_of_the_groups_above_counts(tmp_path: Path) -> None:
    limits = {"a__b__memory_max": "4000000000\n", "a__memory_max": "3000000000\n"}
    assert memory_of_machine(*machine(tmp_path, "0::/a/b\n", **limits)) == 3_000_000_000


def test_limits_of_the_older_groups_count(tmp_path: Path) -> None:
    proc, cgroups = machine(tmp_path, "4:memory,hugetlb:/job\n2:cpu:/x\n0::/\n")
    group = cgroups / "memory" / "job"
    group.mkdir(parents=True)
    (group / "memory.limit_in_bytes").write_text("2000000000\n")
    (cgroups / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert memory_of_machine(proc, cgroups) == 2_000_000_000


def test_a_process_has_its_own_memory_until_it_ends() -> None:
    assert used_by(os.getpid()) > 10_000_000
    assert used_by(1 << 22) == 0


@pytest.mark.parametrize(
    ("tags", "needs"),
    [
        ({}, Needs()),
        ({"data_package/memory": "4GB"}, Needs(4_000_000_000, None)),
        ({"data_package/memory": "1.5 GiB"}, Needs(1_610_612_736, None)),
        ({"data_package/time": "30min"}, Needs(None, 1800)),
        ({"data_package/time": "1.5 h", "other": "x"}, Needs(None, 5400)),
        ({"data_package/cores": "8"}, Needs(cores=8)),
        (
            {"data_package/slurm_partition": "a,b", "data_package/slurm_account": "x-1"},
            Needs(partition="a,b", account="x-1"),
        ),
    ],
)
def test_tags_say_what_a_table_needs(tags: dict[str, str], needs: Needs) -> None:
    assert needs_of(tags, "a.py:1") == needs


@pytest.mark.parametrize(
    "amount",
    [
        *("4", "GB", "4 gb", "-4GB", "0GB", "4GB 2", "4e3GB", ""),
        *("0.0000001MB", "9" * 400 + "GB", "9" * 5000 + "GB"),
    ],
)
def test_a_tag_that_is_not_an_amount_is_refused(amount: str) -> None:
    with pytest.raises(ProjectError, match=r"a.py:1: the tag data_package/memory is"):
        needs_of({"data_package/memory": amount}, "a.py:1")


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("data_package/cores", "0"),
        ("data_package/cores", "1.5"),
        ("data_package/cores", "9" * 5000),
        ("data_package/slurm_partition", ""),
        ("data_package/slurm_partition", "--wrap=x"),
        ("data_package/slurm_account", "a b"),
        ("data_package/slurm_qos", "x\n#SBATCH --wrap=x"),
    ],
)
def test_a_tag_that_slurm_could_not_take_is_refused(tag: str, value: str) -> None:
    with pytest.raises(ProjectError, match=f"a.py:1: the tag {tag} is"):
        needs_of({tag: value}, "a.py:1")


def test_a_misspelled_tag_is_refused() -> None:
    with pytest.raises(ProjectError, match=r"a.py:1: .* Did you mean 'data_package/memory'"):
        needs_of({"data_package/memroy": "4GB"}, "a.py:1")


def test_a_table_that_says_nothing_has_the_default() -> None:
    default = Needs(1, 2.0, 3, "p", "a", "q")
    assert Needs().or_else(default) == default
    assert Needs(5, cores=7).or_else(default) == Needs(5, 2.0, 7, "p", "a", "q")


def test_a_function_of_several_tables_needs_the_most_of_them() -> None:
    assert together([Needs(1, None), Needs(2, 5.0), Needs()]) == Needs(2, 5.0)


@pytest.mark.parametrize(
    ("count", "exact", "rounded"),
    [
        (999, "999 B", "1 kB"),
        (949_000, "949.0 kB", "900 kB"),
        (999_940, "999.9 kB", "1 MB"),
        (999_960, "1.0 MB", "1 MB"),
        (1_240_000, "1.2 MB", "1.2 MB"),
    ],
)
def test_a_size_has_the_unit_in_which_it_is_below_a_thousand(
    count: int, exact: str, rounded: str
) -> None:
    assert (size(count), size_in_words(count)) == (exact, rounded)
