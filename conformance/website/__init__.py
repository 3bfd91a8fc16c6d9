"""The matrix as a static site: what every gateway and calculator that was judged does, made from its report.

``python -m website`` writes it; nothing of it is committed, and any host of files can serve it.
"""
