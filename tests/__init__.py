"""The tests. Threads that wait for others sleep: two runs and their servers want the same cores."""

import os

# Read when libgomp and OpenBLAS are loaded, by children, too.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # more of them would wait by spinning only
