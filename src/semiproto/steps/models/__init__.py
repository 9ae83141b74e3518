"""Steps that write below models/: networks, features and prototypes."""
