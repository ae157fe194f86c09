"""What is to be measured: arguments, cells, their order, and the folder of a run."""
