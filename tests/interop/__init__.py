"""What needs Java, Node, Go or Debian's packages: more foreign clients, and Apache Kafka itself."""
