"""Put a model into service, after its evidence was checked again."""
