"""The sink `redis`: a stream of Redis or Valkey. `faults` says what the server's errors mean."""
