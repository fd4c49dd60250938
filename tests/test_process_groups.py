"""Tests that share a fixture run in one process, if several processes share the tests."""

import pytest

pytestmark = pytest.mark.xdist_group("groups")


def test_groups_are_told_to_the_scheduler(request: pytest.FixtureRequest) -> None:
    """The scheduler of pytest-xdist reads the group from the test's id, where some versions of pytest hide it."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("the tests run in one process")
    assert request.node.nodeid.endswith("@groups")
