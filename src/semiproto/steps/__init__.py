"""The steps of the pipeline, one file a rule: folders in, a folder and its receipt out."""
