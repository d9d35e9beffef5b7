"""What the claims on networks as dynamical systems are quoted from."""

SLIDES = "Murari (slides)"
# A summary of the paper that stands beside its abstract, not by its authors.
SUMMARY = "Summary of Murari et al. (2025)"
