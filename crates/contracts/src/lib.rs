//! What separately deployed services agree on: keys, queues, messages, bodies.
