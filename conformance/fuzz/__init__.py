"""Coverage-guided fuzzing of whatever reads what others wrote.

``python -m fuzz NAME`` tries one target for a minute, ``python -m fuzz`` all of them one after the other, and
``nox -s fuzz`` does that in an environment of its own. A target is a module of this package with three
functions: ``seeds()`` yields what to begin with, taken from the fixtures, ``changed(data, random)`` changes
an input and keeps its form, and ``attempt(data)`` reads one and returns; whatever it raises is a finding.
Inputs that taught something are in ``kept``, and the ordinary tests read them again
(`conformance/tests/test_fuzz.py`).

The engine is Atheris, libFuzzer for Python: Apache licence, wheels for all Pythons that we support. It is not
needed to read a kept input again.
"""
