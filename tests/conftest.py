# SPDX-License-Identifier: AGPL-3.0-or-later
import contextlib
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lib import heed, pds, postgres  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "only(database): this test runs on one database only")


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("only")
        metafunc.parametrize("backend", list(only.args) if only else ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def backend(request):
    return "sqlite" if request.param == "sqlite" else postgres.shared().database()


@pytest.fixture
def world(backend):
    """make(server options) -> Server; everything made is ended with the test."""
    with contextlib.ExitStack() as stack:
        def make(**options):
            server = heed.Server(options.pop("backend", backend), **options)
            stack.callback(server.destroy)
            return server

        def receiver(answer=None):
            made = heed.Receiver(answer)
            stack.callback(made.close)
            return made

        def network():
            made = pds.Pds()
            stack.callback(made.close)
            return made

        make.receiver, make.pds = receiver, network
        yield make
