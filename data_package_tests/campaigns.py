"""How many cases the long campaigns of `make stress` try: so many each, or `DATA_PACKAGE_CASES`."""

import os


def cases(usual: int) -> int:
    return int(os.environ.get("DATA_PACKAGE_CASES", usual))
