"""Help for plugin authors that the core never imports."""
