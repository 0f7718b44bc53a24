"""Read the raw source, reject what does not conform, and part the rows into training and test,
equal rows on one side.
"""

import ibis
from ibis import _

from sluice.core.command import run
from sluice.core.params import load_params
from sluice.core.tables import REJECTED, TEST, TRAIN, atomic_write, write_table
from sluice.data.assigning import IS_TEST
from sluice.data.cleaning import MANY_COLUMNS, prepare, summarise, write_rows
from sluice.data.derived import derive_file
from sluice.data.role_checks import check_roles
from sluice.data.sources import check_records, load_sources, read
from sluice.gates.gate import gate, stop


def main() -> None:
    """Prepare the declared source; the tables get their names only after the gate on the sources
    passed.
    """
    params = load_params()
    [(name, source)] = load_sources().sources.items()
    check_roles(params, source)
    con = ibis.duckdb.connect()
    if (
        len(source.columns) > MANY_COLUMNS
    ):  # this optimizer compares each expression with each other
        con.raw_sql("SET disabled_optimizers = 'common_subexpressions'")
    raw = read(con, name, source)
    check_records(raw, name, source)
    prepared = prepare(raw, name, source, params)
    write_table(prepared.rejects, REJECTED)
    table = summarise(prepared, raw, name, source)
    write_table(table, "reports/sources.csv")
    with atomic_write(TRAIN, TEST) as parts:
        for part, is_test in zip(parts, (False, True), strict=True):
            write_rows(prepared.rows.filter(_[IS_TEST] == is_test).drop(IS_TEST), part)
            derive_file(part, params.data)
        stop([gate(table, "expectations/sources.json", "reports/gates/sources.json")])


if __name__ == "__main__":
    run(main)
