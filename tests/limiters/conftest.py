from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.limiters.redis_server import BINARY, RedisServer, ask, patient

NO_REDIS = "redis-server is not installed (Debian: apt-get install redis-server)"


@pytest.fixture(scope="session")
def _redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    if BINARY is None:
        pytest.skip(NO_REDIS)
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis_url(_redis_server: RedisServer) -> str:
    """An empty Redis."""
    ask(_redis_server.url, "FLUSHALL")
    return patient(_redis_server.url)


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for one test alone, to be killed and frozen; not started yet."""
    if BINARY is None:
        pytest.skip(NO_REDIS)
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()
