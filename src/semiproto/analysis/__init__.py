"""What is measured and shown once models exist: evaluation, t-SNE, tables, figures, the report."""
