"""Real data: files in their formats, broken and hostile ones among them."""
