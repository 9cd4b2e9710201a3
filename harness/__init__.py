"""What tests and benchmarks share: database and Redis servers of their own, processes, free ports, and waiting.

No part of the product imports this room, and the wheel does not contain it.
"""
