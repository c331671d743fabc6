// Topics, configurations and offsets, by franz-go's admin package.
package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
)

type driver struct {
	bootstrap  string
	admin      *kadm.Client
	member     *member
	transactor *transactor
}

func (d *driver) brokers() (any, error) {
	metadata, err := d.admin.BrokerMetadata(context.Background())
	addresses := []string{}
	for _, broker := range metadata.Brokers {
		addresses = append(addresses, fmt.Sprintf("%s:%d", broker.Host, broker.Port))
	}
	return addresses, err
}

func (d *driver) topics() (any, error) {
	listed, err := d.admin.ListTopics(context.Background())
	counts := map[string]int{}
	for name, topic := range listed {
		counts[name] = len(topic.Partitions)
	}
	return counts, err
}

func (d *driver) createTopic(c *call) error {
	configs := map[string]*string{}
	for key, value := range c.Configs {
		configs[key] = kadm.StringPtr(value)
	}
	_, err := d.admin.CreateTopic(context.Background(), int32(c.Count), -1, configs, c.Topic)
	return err
}

func (d *driver) deleteTopic(c *call) error {
	_, err := d.admin.DeleteTopic(context.Background(), c.Topic)
	return err
}

func (d *driver) addPartitions(c *call) error {
	responses, err := d.admin.UpdatePartitions(context.Background(), c.Count, c.Topic)
	if err != nil {
		return err
	}
	return responses.Error()
}

func (d *driver) topicConfigs(c *call) (any, error) {
	described, err := d.admin.DescribeTopicConfigs(context.Background(), c.Topic)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, resource := range described {
		if resource.Err != nil {
			return nil, resource.Err
		}
		for _, config := range resource.Configs {
			values[config.Key] = config.MaybeValue()
		}
	}
	return values, nil
}

func (d *driver) setTopicConfig(c *call) error {
	changes := []kadm.AlterConfig{}
	for key, value := range c.Configs {
		changes = append(changes, kadm.AlterConfig{Name: key, Value: kadm.StringPtr(value)})
	}
	responses, err := d.admin.AlterTopicConfigs(context.Background(), changes, c.Topic)
	if err != nil {
		return err
	}
	for _, response := range responses {
		if response.Err != nil {
			return response.Err
		}
	}
	return nil
}

func (d *driver) watermarks(c *call) (any, error) {
	starts, err := d.admin.ListStartOffsets(context.Background(), c.Topic)
	if err != nil {
		return nil, err
	}
	ends, err := d.admin.ListEndOffsets(context.Background(), c.Topic)
	if err != nil {
		return nil, err
	}
	start, _ := starts.Lookup(c.Topic, c.Partition)
	end, _ := ends.Lookup(c.Topic, c.Partition)
	if start.Err != nil {
		return nil, start.Err
	}
	return []int64{start.Offset, end.Offset}, end.Err
}

// Where there is no such record the admin package puts the end of the partition, without a
// timestamp.
func (d *driver) offsetForTimestamp(c *call) (any, error) {
	listed, err := d.admin.ListOffsetsAfterMilli(context.Background(), c.TimestampMs, c.Topic)
	if err != nil {
		return nil, err
	}
	found, _ := listed.Lookup(c.Topic, c.Partition)
	if found.Err != nil || found.Timestamp < 0 {
		return nil, found.Err
	}
	return found.Offset, nil
}

func (d *driver) deleteRecords(c *call) error {
	before := kadm.Offsets{}
	before.AddOffset(c.Topic, c.Partition, c.Offset, -1)
	responses, err := d.admin.DeleteRecords(context.Background(), before)
	if err != nil {
		return err
	}
	return responses.Error()
}
