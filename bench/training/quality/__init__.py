"""How good what a GAN generates is: measures on NumPy arrays, whatever framework made them."""
