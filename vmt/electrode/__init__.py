"""Structure → cell voltage."""
