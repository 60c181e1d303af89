"""`python -m data_package`: the command, where the script is not on the path."""

from data_package.engine.start import main

main()
