"""The playground: one draft asked once, its answer as it comes."""
