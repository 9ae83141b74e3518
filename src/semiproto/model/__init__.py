"""The network, the teacher and the prototype bank. No losses here, and no files except in weights.py and folder.py."""
