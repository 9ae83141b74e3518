"""From the results of runs to tables, verdicts, figures and the report. Reads small files; needs no torch."""
