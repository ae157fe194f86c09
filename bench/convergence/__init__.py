"""Time to a target: how many iterations and seconds a row needs, over seeds, and who differs."""
