"""The 828 planar models of Drgoňa et al. (2020)."""
