"""Steps that write below results/: measurements, tables, figures and the report."""
