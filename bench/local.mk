# Figures, never tests: CPU time a request beside a peer's.
