"""The journal on disk: newline-delimited JSON segments, one writer per process.

    <segment>.new      being made: the open calls carried over are written, then it becomes .open
    <segment>.open     being written; its writer holds flock(LOCK_EX) on it
    <segment>.ndjson   sealed: fsynced, never written again, waits for ingestion

A segment is named `<started, microseconds, 16 hex>-<worker, 16 hex>-<sequence, 8 hex>`: unique for
ever, and in time order when sorted. `worker` is fresh for each process start. Each line is
`{"record":"span", …}` or `{"record":"open", …}`, both with the fields of `wire.span.Span`; in the folder
of scores it is `{"record":"score", …}` with those of `wire.score.Score`. What applications send lies in
a folder of its own, and its writer returns from `append_durably` only when the lines are on the disk.

An `open` line says that a call is in flight. A new segment starts with an `open` line for every call
still in flight, written *before* the segment becomes `.open`, so the newest `.open` of a dead worker
knows all calls that died with it. Hence the rule of recovery: orphans of one worker are recovered in
ascending order, and `open` lines count only in the one with the highest sequence (there, those
without a `span` line of the same `span_id` become spans with status `interrupted`); in the others
they are dropped. A `.new` file of a dead writer holds nothing but copies and is removed.
"""
