"""Shapes that travel with their exact answers."""
