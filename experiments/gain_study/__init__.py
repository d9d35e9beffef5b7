"""Which gains of an Lb-DNN controller matter, and which are best."""
