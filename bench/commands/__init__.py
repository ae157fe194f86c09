"""What the commands do: each goes down through the rooms."""
