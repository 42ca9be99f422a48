"""The `vmt` command."""
