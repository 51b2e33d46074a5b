from pathlib import Path

import pytest

from tailer.api.client import ApiClient
from tailer.app.principals import Budgets, make_client, principals_of
from tailer.clock import SystemClock
from tailer.config.credentials import BearerToken, Credentials, GlobalKey, Secret
from tailer.config.options import Account, ApiOptions, Budget, Config
from tailer.observe import ignore

TOKEN = BearerToken(secret=Secret("token"), origin="variable A")
OTHER = BearerToken(secret=Secret("other"), origin="variable B")


def _account(name: str, credentials: Credentials, principal: str) -> Account:
    return Account(id=name, credentials=credentials, principal=principal)


def test_accounts_of_one_principal_share_a_budget_in_the_order_of_the_file() -> None:
    """Each principal is named once and has all of its accounts."""
    accounts = (_account("a", TOKEN, "one"), _account("b", TOKEN, "two"), _account("c", TOKEN, "one"))

    found = principals_of(Config(accounts=accounts, folder=Path()))

    assert [(one.name, [account.id for account in one.accounts]) for one in found] == [
        ("one", ["a", "c"]),
        ("two", ["b"]),
    ]


def test_each_credential_of_a_principal_has_a_session_of_its_own() -> None:
    """A token is only ever sent for the accounts that it was given for."""
    accounts = (_account("a", TOKEN, "one"), _account("b", OTHER, "one"), _account("c", TOKEN, "one"))
    (principal,) = principals_of(Config(accounts=accounts, folder=Path()))

    groups = principal.by_credentials()

    assert [[account.id for account in group] for group in groups] == [["a", "c"], ["b"]]


def test_the_budget_is_what_the_options_allow() -> None:
    """Share and reserve reach the budget."""
    assert Budgets().of("one", ApiOptions(budget=Budget(share=0.5, reserve=0.2))).budget.allowed == 600


def test_who_asks_again_gets_the_budget_that_was_spent() -> None:
    """Another configuration is no reason to spend a quota twice; each principal has its own."""
    budgets = Budgets()
    gate = budgets.of("one", ApiOptions())

    assert budgets.of("one", ApiOptions(budget=Budget(share=0.5))) is gate
    assert budgets.of("two", ApiOptions()) is not gate


@pytest.mark.parametrize(
    "credentials", [TOKEN, GlobalKey(email="a@example.org", secret=Secret("key"), origin="variable K")]
)
def test_a_client_spends_its_principals_budget(credentials: Credentials) -> None:
    """The client that is made has the budget it was given, whatever the credentials."""
    account = _account("a", credentials, "one")
    config = Config(accounts=(account,), folder=Path())
    gate = Budgets().of("one", config.api)

    client = make_client("one", account, config, gate, SystemClock(), ignore)

    assert isinstance(client, ApiClient)
    assert client.budget is gate.budget
