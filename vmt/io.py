"""Reading and writing structures and images."""
