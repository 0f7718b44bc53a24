"""Find rows of a file of any size that share their key, so that nothing is decided twice."""

from pathlib import Path

import ibis
import pandas as pd

from sluice.core.formats import RESERVED
from sluice.monitoring.batch import LINE

NTH, KIND, N = f"{RESERVED}nth", f"{RESERVED}kind", f"{RESERVED}n"


def repeated(rows: Path, key: list[str]) -> pd.Series:
    """Return what is wrong with rows of the Parquet file `rows` that share their `key`: the kind by
    LINE, in order of lines.

    Of rows that agree in all columns the first stays, the others are repeats (duplicate). Rows of
    one key that differ are all wrong (key_conflict), as they are to prepare: nobody can tell which
    is right. A key that is missing is one key.
    """
    con = ibis.duckdb.connect(temp_directory=rows.parent.as_posix())
    table = con.read_parquet(rows)
    named = table.select(LINE, *key)
    named = named.mutate(named.count().over(group_by=key).name(N))
    some = table.semi_join(named.filter(named[N] > 1), LINE)
    nth = ibis.row_number().over(
        group_by=[column for column in table.columns if column != LINE], order_by=LINE
    )
    some = some.mutate(nth.name(NTH))
    rivals = (some[NTH] == 0).sum().over(group_by=key)
    kind = ibis.cases((some[NTH] > 0, "duplicate"), (rivals > 1, "key_conflict"))
    found = con.to_pandas(some.select(LINE, kind.name(KIND)).order_by(LINE)).dropna()
    con.disconnect()
    return found.set_index(LINE)[KIND]
