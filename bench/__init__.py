"""How fast it runs: workers, proof before timing, measurement and tables."""
