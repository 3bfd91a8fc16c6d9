"""One test for each case: ``pytest conformance/test_gateway.py --gateway NAME``.

Without ``--gateway`` the reference gateway is started and judged. ``-k`` and ``-m`` choose cases by their ids
and by the markers ``must``, ``should``, ``provider_*`` and ``feature_*``, which ``--markers`` lists. ``-n``
spreads them over workers, of which one drives the gateway.
"""

from decibill.pytest_suite import test_case, test_verdict

__all__ = ["test_case", "test_verdict"]
