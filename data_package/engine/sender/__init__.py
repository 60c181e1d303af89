"""The report for whoever sent a raw file: which rows of each delivery break the contract, and how.

It is a page or a workbook that only the person who makes it can read. It has row numbers, fields
and rules; the cells themselves only where they are asked for. What does not belong here: reports
for those who build the tables (`schema`, `sources`).
"""
