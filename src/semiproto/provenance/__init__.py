"""Where results come from: atomic writes, digests, receipts, and what holds them against each other."""
