"""The attack on the promise "complete, paid once, whole": runs that survive anything.

    arena      what all scenarios share: the program, the sandbox, the reference, a folder
    case       one export under attack: start, kill, finish, judge
    scenarios  what is done to a case, by name
    checks     rows, reader, units, leftovers: each judges one promise and can be proved to fail
    outcome    counts, verdicts and the table that is printed

Run it with `make torture`, or `python -m torture --help` from the folder above with DuckDB installed.
"""
