"""The reference gateway under load while it is killed, locked out, out of disk space, or out of time.

``python -m tests.durability`` runs every trial at full length and prints its figures; the tests run short
ones. What is right is worked out here with fractions, from what the provider really answered and the clients
really received, and with no code of the gateway.
"""
