"""Which lines and branches of `backends/` the checks execute in the rows' workers."""
