"""A help desk over real HTTP, whose time is the test's."""

from collections.abc import Iterator

import pytest

from demo.zendesk_standin import EMAIL, TOKEN, ZendeskStandIn
from survey.zendesk.client import ZendeskClient
from tests.support.passing_time import PassingTime


@pytest.fixture
def passing() -> PassingTime:
    return PassingTime()


@pytest.fixture
def zendesk(clock, passing) -> Iterator[ZendeskStandIn]:
    with ZendeskStandIn(clock=clock, seconds=passing.clock) as standin:
        yield standin


@pytest.fixture
def zendesk_client(zendesk, passing) -> Iterator[ZendeskClient]:
    client = ZendeskClient(zendesk.url, EMAIL, TOKEN, clock=passing.clock, sleep=passing.sleep)
    yield client
    client.close()
