from __future__ import annotations

import pytest

from sync_worker.model.lookup.standard_properties import PropertySpec, find_standard_property


@pytest.mark.parametrize("name", ["hs_email_optout_1", "hs_email_optout_364428593"])
def test_each_subscription_type_has_a_property(name: str) -> None:
    assert find_standard_property(name) == PropertySpec("boolean")


@pytest.mark.parametrize("name", ["hs_email_optout_", "hs_email_optout_news", "hs_email_optout_1a", "email_optout_1", "364428593"])
def test_the_name_of_a_subscription_property_ends_with_the_id_of_the_type(name: str) -> None:
    assert find_standard_property(name) is None


def test_the_property_of_all_subscriptions_is_another_one() -> None:
    spec = find_standard_property("hs_email_optout")
    assert spec is not None
    assert spec.type == "boolean"
