"""Identity's statements on the metadata store, one module per topic.

Every function runs in the transaction of the connection it is given and decides nothing: ids, times,
hashes and permissions come from the service.
"""
