"""Days in virtual time that go wrong in every way at once, from a seed: crashes, lost answers, partitions, clock steps.

The centre's services and its SQL run as they are, in an event loop whose time jumps; faked are only the edges: the
telephone exchange, terminals, people, and the ways between them. A seed says everything that happens, so that a day
that breaks a promise (`promises.py`) is lived again just so: `python -m loadtests.simulate --seed N --days 1`.
"""
