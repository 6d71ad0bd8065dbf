"""Shared configuration of the tests.

Settings in the environment are ignored, hypothesis profiles set the number of examples, and garbage is collected seldom.
"""

from __future__ import annotations

import gc
import os
import signal

from hypothesis import settings

for name in [name for name in os.environ if name.startswith(("HUBSPOT_", "SYNC_WORKER_")) and not name.startswith("SYNC_WORKER_TEST_")]:
    del os.environ[name]

# A shell ignores Ctrl-C in what it starts in the background, and the processes of the tests would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("dev", deadline=None, max_examples=30)
settings.register_profile("ci", deadline=None, max_examples=200, print_blob=True)
settings.register_profile("soak", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

# Collected tests and imported modules live until the end; collecting garbage among them would take a tenth of the time.
GC_THRESHOLD_OBJECTS = 50_000
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD_OBJECTS)
    gc.enable()
