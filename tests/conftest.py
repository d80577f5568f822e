# SPDX-License-Identifier: AGPL-3.0-or-later
import contextlib
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lib import heed, postgres  # noqa: E402


@pytest.fixture(params=["sqlite", "postgres"])
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

        make.receiver = receiver
        yield make
