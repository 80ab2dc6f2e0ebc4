"""From the attributes of a span to the columns of a record, convention by convention.

genai          OpenTelemetry GenAI, all generations
openinference  Phoenix's and Arize's instrumentations
traceloop      OpenLLMetry
plain          what any span has
usage          overlapping totals → disjoint buckets
messages       every spelling of a message → OpenTelemetry GenAI's
privacy        credentials that instrumentations record by accident
span           all of them in order
"""
