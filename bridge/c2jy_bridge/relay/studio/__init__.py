"""The bridge's queue on NATS JetStream, for several machines; needs the extra `studio` (nats-py).

Imported only when a queue of this kind is configured. Knows the contract of the queue and NATS; must not know
HTTP, Coze or what a tool does.
"""
