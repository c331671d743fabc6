// Kafka Streams' word count, exactly once: the words of one topic, counted into another.
//
//     java WordCount.java BOOTSTRAP APPLICATION SOURCE TARGET STATE_DIRECTORY
//
// Run as a source file, with Kafka's jars on the class path. It goes on until it is killed.

import java.util.Arrays;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Produced;

final class WordCount {
  public static void main(String[] arguments) {
    String source = arguments[2];
    String target = arguments[3];
    Properties properties = new Properties();
    properties.putAll(
        Map.of(
            "bootstrap.servers", arguments[0],
            "application.id", arguments[1],
            "state.dir", arguments[4],
            "processing.guarantee", "exactly_once_v2",
            "commit.interval.ms", "100",
            "replication.factor", "1",
            // A killed member is missed soon.
            "session.timeout.ms", "6000",
            "auto.offset.reset", "earliest"));
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(source, Consumed.with(Serdes.String(), Serdes.String()))
        .flatMapValues(line -> Arrays.asList(line.split(" ")))
        .groupBy((key, word) -> word, Grouped.with(Serdes.String(), Serdes.String()))
        .count()
        .toStream()
        .mapValues(String::valueOf)
        .to(target, Produced.with(Serdes.String(), Serdes.String()));
    new KafkaStreams(builder.build(), properties).start();
  }
}
