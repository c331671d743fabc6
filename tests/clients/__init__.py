"""Foreign Kafka clients, unmodified, against one broker: a suite that every client passes."""
