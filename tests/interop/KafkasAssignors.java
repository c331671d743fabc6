// Kafka's own assignors as a filter: a group is a line of JSON, what it is assigned is another one.
//
//     <- {"assignor": "server-range", "topics": {"t1": 3}, "members": [{"id": "m0", ...}], ...}
//     -> {"m0": [["t1", 0], ["t1", 1], ["t1", 2]]}
//
// A client's assignor is also told in which racks a partition is kept ("racks": {"t1-0": ["a"]}),
// and in which each member is ("rack").
//
// Run as a source file, with Kafka's jars on the class path.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.GroupSubscription;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.group.api.assignor.ConsumerGroupPartitionAssignor;
import org.apache.kafka.coordinator.group.api.assignor.SubscribedTopicDescriber;
import org.apache.kafka.coordinator.group.api.assignor.SubscriptionType;
import org.apache.kafka.coordinator.group.assignor.UniformAssignor;
import org.apache.kafka.coordinator.group.modern.GroupSpecImpl;
import org.apache.kafka.coordinator.group.modern.MemberSubscriptionAndAssignmentImpl;

final class KafkasAssignors {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] arguments) throws IOException {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    StringBuilder answers = new StringBuilder();
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonNode group = JSON.readTree(line);
      String assignor = group.get("assignor").asText();
      Map<String, Set<TopicPartition>> assigned =
          assignor.startsWith("server-") ? onServer(group, assignor) : onClient(group, assignor);
      answers.append(toJson(assigned)).append('\n');
    }
    System.out.print(answers);
  }

  private static Map<String, Set<TopicPartition>> onServer(JsonNode group, String name) {
    ConsumerGroupPartitionAssignor assignor =
        name.equals("server-range")
            ? new org.apache.kafka.coordinator.group.assignor.RangeAssignor()
            : new UniformAssignor();
    Map<String, MemberSubscriptionAndAssignmentImpl> members = new HashMap<>();
    Map<Uuid, Map<Integer, String>> owners = new HashMap<>();
    Set<Set<Uuid>> subscriptions = new HashSet<>();
    for (JsonNode member : group.get("members")) {
      Set<Uuid> topics = new HashSet<>();
      member.get("topics").forEach(topic -> topics.add(topicId(topic.asText())));
      subscriptions.add(topics);
      Map<Uuid, Set<Integer>> owned = new HashMap<>();
      for (TopicPartition partition : partitions(member.get("owned"))) {
        Uuid topic = topicId(partition.topic());
        owned.computeIfAbsent(topic, id -> new HashSet<>()).add(partition.partition());
        owners
            .computeIfAbsent(topic, id -> new HashMap<>())
            .put(partition.partition(), member.get("id").asText());
      }
      members.put(
          member.get("id").asText(),
          new MemberSubscriptionAndAssignmentImpl(
              Optional.empty(),
              Optional.ofNullable(instance(member)),
              topics,
              new org.apache.kafka.coordinator.group.modern.Assignment(owned)));
    }
    SubscriptionType type =
        subscriptions.size() == 1 ? SubscriptionType.HOMOGENEOUS : SubscriptionType.HETEROGENEOUS;
    Map<String, Set<TopicPartition>> assigned = new HashMap<>();
    assignor
        .assign(new GroupSpecImpl(members, type, owners), new Topics(group.get("topics")))
        .members()
        .forEach(
            (member, assignment) -> {
              Set<TopicPartition> owned = new HashSet<>();
              assignment
                  .partitions()
                  .forEach(
                      (topic, indexes) ->
                          indexes.forEach(
                              index -> owned.add(new TopicPartition(topicName(topic), index))));
              assigned.put(member, owned);
            });
    members.keySet().forEach(member -> assigned.putIfAbsent(member, Set.of()));
    return assigned;
  }

  private static Map<String, Set<TopicPartition>> onClient(JsonNode group, String name) {
    ConsumerPartitionAssignor assignor =
        switch (name) {
          case "range" -> new RangeAssignor();
          case "roundrobin" -> new RoundRobinAssignor();
          case "sticky" -> new StickyAssignor();
          case "cooperative-sticky" -> new CooperativeStickyAssignor();
          default -> throw new IllegalArgumentException(name);
        };
    Map<String, Node> brokers = new TreeMap<>();
    List<PartitionInfo> infos = new ArrayList<>();
    group
        .get("topics")
        .properties()
        .forEach(
            topic -> {
              for (int index = 0; index < topic.getValue().asInt(); index++) {
                Node[] nodes = replicas(group, topic.getKey() + "-" + index, brokers);
                infos.add(new PartitionInfo(topic.getKey(), index, nodes[0], nodes, nodes));
              }
            });
    Map<String, Subscription> subscriptions = new HashMap<>();
    for (JsonNode member : group.get("members")) {
      subscriptions.put(member.get("id").asText(), subscription(member, name));
    }
    Cluster cluster = new Cluster("cluster", brokers.values(), infos, Set.of(), Set.of());
    Map<String, Set<TopicPartition>> assigned = new HashMap<>();
    assignor
        .assign(cluster, new GroupSubscription(subscriptions))
        .groupAssignment()
        .forEach((member, owned) -> assigned.put(member, new HashSet<>(owned.partitions())));
    return assigned;
  }

  /** A broker in each rack of a partition; one without a rack, if it has none. */
  private static Node[] replicas(JsonNode group, String partition, Map<String, Node> brokers) {
    List<String> racks = new ArrayList<>();
    group.get("racks").path(partition).forEach(rack -> racks.add(rack.asText()));
    if (racks.isEmpty()) {
      racks.add("");
    }
    List<Node> nodes = new ArrayList<>();
    for (String rack : racks) {
      int id = brokers.size();
      String named = rack.isEmpty() ? null : rack;
      nodes.add(brokers.computeIfAbsent(rack, key -> new Node(id, "localhost", 9092, named)));
    }
    return nodes.toArray(new Node[0]);
  }

  @SuppressWarnings("removal") // the only constructor that takes a generation
  private static Subscription subscription(JsonNode member, String name) {
    List<String> topics = new ArrayList<>();
    member.get("topics").forEach(topic -> topics.add(topic.asText()));
    List<TopicPartition> owned = partitions(member.get("owned"));
    int generation = member.get("generation").asInt();
    ByteBuffer userData = null;
    if (name.equals("sticky") && generation >= 0) {
      // It tells what it owns in a format of its own, which only the assignor can write.
      StickyAssignor earlier = new StickyAssignor();
      String id = member.get("id").asText();
      Optional<String> instance = Optional.ofNullable(instance(member));
      earlier.onAssignment(
          new Assignment(owned), new ConsumerGroupMetadata("group", generation, id, instance));
      userData = earlier.subscriptionUserData(new HashSet<>(topics));
    }
    Subscription subscription =
        new Subscription(topics, userData, owned, generation, Optional.ofNullable(rack(member)));
    subscription.setGroupInstanceId(Optional.ofNullable(instance(member)));
    return subscription;
  }

  private record Topics(JsonNode counts) implements SubscribedTopicDescriber {
    @Override
    public int numPartitions(Uuid topic) {
      JsonNode count = counts.get(topicName(topic));
      return count == null ? -1 : count.asInt();
    }

    @Override
    public Set<String> racksForPartition(Uuid topic, int partition) {
      return Set.of();
    }
  }

  private static String instance(JsonNode member) {
    return member.get("instance").isNull() ? null : member.get("instance").asText();
  }

  private static String rack(JsonNode member) {
    return member.get("rack").isNull() ? null : member.get("rack").asText();
  }

  private static List<TopicPartition> partitions(JsonNode pairs) {
    List<TopicPartition> partitions = new ArrayList<>();
    pairs.forEach(
        pair -> partitions.add(new TopicPartition(pair.get(0).asText(), pair.get(1).asInt())));
    return partitions;
  }

  private static Uuid topicId(String name) {
    return new Uuid(0, Long.parseLong(name.substring(1)));
  }

  private static String topicName(Uuid id) {
    return "t" + id.getLeastSignificantBits();
  }

  private static String toJson(Map<String, Set<TopicPartition>> assigned) {
    ObjectNode json = JSON.createObjectNode();
    new TreeMap<>(assigned)
        .forEach(
            (member, owned) -> {
              ArrayNode pairs = json.putArray(member);
              owned.forEach(
                  partition ->
                      pairs.addArray().add(partition.topic()).add(partition.partition()));
            });
    return json.toString();
  }
}
