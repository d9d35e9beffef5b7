"""What networks that are stable by construction gain on images: certified and attacked accuracy."""
