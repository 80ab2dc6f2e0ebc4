"""What holds for every test of the repository."""

import os

from hypothesis import settings

# The machines that run this are shared: a slow example is no finding. CI searches the same examples every time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
