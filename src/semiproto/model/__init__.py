"""The networks and the prototype bank. Nothing here knows files or losses."""
