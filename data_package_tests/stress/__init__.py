"""Campaigns: what may be killed, fill up, break or be damaged, again and again (`make stress`)."""
