"""Published claims, each with a verdict and its evidence."""
