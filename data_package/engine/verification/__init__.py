"""Proof that a build can be repeated: tables built again, and compared with the lock."""
