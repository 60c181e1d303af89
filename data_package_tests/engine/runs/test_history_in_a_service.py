"""A history in PostgreSQL that cannot be reached is reported in a line, without its address."""

import pytest
from sqlalchemy.exc import OperationalError

from data_package.engine.errors import ProjectError
from data_package.engine.runs.instance import project_instance
from data_package_tests.conftest import Make

POSTGRES = "storage:\n  postgres:\n    postgres_url:\n      env: HISTORY_ADDRESS\n"
# Nothing listens at the first port.
NOWHERE = "postgresql+psycopg2://somebody:secret77@127.0.0.1:1/history"


def test_a_service_that_does_not_answer_is_asked_once_and_reported(
    study: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("dagster_postgres")
    from dagster_postgres import utils

    tries = utils.retry_pg_connection_fn.__defaults__
    monkeypatch.setenv("HISTORY_ADDRESS", NOWHERE)
    project = study({"/dagster.yaml": POSTGRES}).project
    with pytest.raises(ProjectError) as found_text, project_instance(project):
        pass
    assert str(found_text.value) == (
        "Dagster's history cannot be used (DagsterPostgresException): nothing answers at that "
        "address and port.\nCheck the address, the user, the password and the database in "
        "dagster.yaml."
    )
    assert found_text.value.__cause__ is None
    assert caplog.records == []
    # What a run asks later is tried again.
    assert utils.retry_pg_connection_fn.__defaults__ == tries


def test_a_variable_that_is_not_set_is_named(study: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dagster_postgres")
    monkeypatch.delenv("HISTORY_ADDRESS", raising=False)
    project = study({"/dagster.yaml": POSTGRES}).project
    with pytest.raises(ProjectError) as found_text, project_instance(project):
        pass
    assert "the environment variable HISTORY_ADDRESS is not set" in str(found_text.value)
    assert "Stack Trace" not in str(found_text.value)


# What PostgreSQL and its client say, and the words for it.
CASES = {
    'FATAL:  password authentication failed for user "somebody"': "refuses the user",
    "fe_sendauth: no password supplied": "asks for a password",
    'could not translate host name "secret77" to address': "no host has that name",
    'FATAL:  database "secret77" does not exist': "no such user or database",
    "connection to server failed: timeout expired": "does not answer",
    "something of which nobody has heard: secret77": "is not running, or refuses access",
}


@pytest.mark.parametrize("expected", CASES)
def test_messages_of_a_service_are_replaced_by_our_own(study: Make, expected: str) -> None:
    other = "storage:\n  sqlite:\n    base_dir: storage/.dagster\n"
    project = study({"/dagster.yaml": other}).project
    with pytest.raises(ProjectError) as found_text, project_instance(project):
        raise OperationalError("SELECT 1", None, Exception(expected))
    assert CASES[expected] in str(found_text.value)
    assert "secret77" not in str(found_text.value)
    assert "somebody" not in str(found_text.value)
