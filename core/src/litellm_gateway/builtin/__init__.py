"""What ships inside core: one exemplar of each kind of plugin, found through entry points like any other."""
