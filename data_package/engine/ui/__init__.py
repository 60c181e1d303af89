"""The web pages of Dagster behind a guard: only their owner can read them.

    access              the link that works once, and the session that it opens
    graphql_operations  what a GraphQL document would do, and whether it may
    guard               every request and every message passes here (pure ASGI)
    protocol            how long the owner may take to ask, and how much at once
    peer                who is at the other end of a connection
    listening           the port or the socket
    pages               Dagster's own pages on this project, loaded in this process
    stale_status        whether tables are fresh, as `status` says it
    appearance          what they hide because it leads nowhere here, and what they say instead
    started_runs        runs that are started from the pages, each in its own process
    running             that process
    daemons             what carries out backfills, schedules and sensors
    serving             all of it together

What does not belong here: anything about tables. The pages show what other rooms left in Dagster's
history, and the state of tables as `staleness` knows it; there is no value of any row in either.
"""
