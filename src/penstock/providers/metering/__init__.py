"""What a pass-through call used, read from its answer while that passes.

`free` knows the endpoints that cost nothing, `reports` reads the vendors' usage objects, and `meter` finds
them in bodies and streams without holding these.
"""

from penstock.providers.metering.free import is_free
from penstock.providers.metering.meter import Meter
from penstock.providers.metering.reports import Metered

__all__ = ["Meter", "Metered", "is_free"]
