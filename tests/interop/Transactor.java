// Kafka's own transactional producer, and the consumer beside it, as a child process: reads one
// call a line, answers one line (see driver.py).
//
// Run as a source file, with Kafka's jars on the class path.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

final class Transactor {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration WAIT = Duration.ofSeconds(30);
  private static final Duration POLL = Duration.ofMillis(100);

  private final String bootstrap;
  private final Deque<ConsumerRecord<byte[], byte[]>> polled = new ArrayDeque<>();
  private final Map<TopicPartition, OffsetAndMetadata> taken = new HashMap<>();
  private KafkaProducer<byte[], byte[]> producer;
  private KafkaConsumer<byte[], byte[]> consumer;

  private Transactor(String bootstrap) {
    this.bootstrap = bootstrap;
  }

  public static void main(String[] arguments) throws IOException {
    Transactor transactor = new Transactor(arguments[0]);
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      System.out.println(transactor.reply(JSON.readTree(line)));
    }
    transactor.close();
  }

  private ObjectNode reply(JsonNode call) {
    ObjectNode reply = JSON.createObjectNode();
    try {
      reply.set("answer", answer(call));
    } catch (RuntimeException failure) {
      reply.put("error", failure.toString());
      // A failed send comes wrapped.
      for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
        Errors error = Errors.forException(cause);
        if (error != Errors.UNKNOWN_SERVER_ERROR) {
          reply.put("code", error.code());
          break;
        }
      }
    }
    return reply;
  }

  private JsonNode answer(JsonNode call) {
    switch (call.get("call").asText()) {
      case "transactor" -> start(call);
      case "take" -> {
        return take(call.get("count").asInt());
      }
      case "begin" -> producer.beginTransaction();
      case "send" -> send(call);
      case "send_offsets" -> producer.sendOffsetsToTransaction(taken, consumer.groupMetadata());
      case "end" -> end(call.get("commit").asBoolean());
      default -> throw new IllegalArgumentException("no such call: " + call);
    }
    return JSON.nullNode();
  }

  private void start(JsonNode call) {
    producer =
        new KafkaProducer<>(
            Map.of(
                "bootstrap.servers", bootstrap,
                "transactional.id", call.get("transactional_id").asText(),
                "transaction.timeout.ms", call.get("transaction_ms").asInt()),
            new ByteArraySerializer(),
            new ByteArraySerializer());
    producer.initTransactions();
    if (call.has("group")) {
      consumer =
          new KafkaConsumer<>(
              Map.of(
                  "bootstrap.servers", bootstrap,
                  "group.id", call.get("group").asText(),
                  "auto.offset.reset", "earliest",
                  "enable.auto.commit", false,
                  "session.timeout.ms", call.get("session_ms").asInt(),
                  "isolation.level", "read_committed"),
              new ByteArrayDeserializer(),
              new ByteArrayDeserializer());
      consumer.subscribe(List.of(call.get("topic").asText()));
    }
  }

  private ArrayNode take(int count) {
    ArrayNode answer = JSON.createArrayNode();
    long deadline = System.nanoTime() + WAIT.toNanos();
    while (answer.size() < count && System.nanoTime() < deadline) {
      if (polled.isEmpty()) {
        consumer.poll(POLL).forEach(polled::add);
        continue;
      }
      ConsumerRecord<byte[], byte[]> record = polled.remove();
      taken.put(
          new TopicPartition(record.topic(), record.partition()),
          new OffsetAndMetadata(record.offset() + 1));
      String value =
          record.value() == null ? null : Base64.getEncoder().encodeToString(record.value());
      answer
          .addObject()
          .put("partition", record.partition())
          .put("offset", record.offset())
          .put("value", value);
    }
    return answer;
  }

  private void send(JsonNode call) {
    byte[] value = Base64.getDecoder().decode(call.get("value").asText());
    int partition = call.get("partition").asInt();
    producer.send(new ProducerRecord<>(call.get("topic").asText(), partition, null, value));
  }

  private void end(boolean commit) {
    if (commit) {
      producer.commitTransaction();
    } else {
      producer.abortTransaction();
    }
  }

  private void close() {
    if (consumer != null) {
      consumer.close();
    }
    producer.close(Duration.ZERO);
  }
}
