"""Static pictures for reports, server and command line (matplotlib, Agg)."""
