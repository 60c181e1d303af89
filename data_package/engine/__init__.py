"""Everything below the tables: what happens to data on its way, one room per step."""
