// A member of a group. It commits only when it is told to.
package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

type member struct {
	client *kgo.Client
	topic  string

	lock     sync.Mutex
	assigned []int32
}

func (d *driver) join(c *call) error {
	joined := &member{topic: c.Topic, assigned: []int32{}}
	options := []kgo.Opt{
		kgo.SeedBrokers(d.bootstrap),
		kgo.ConsumerGroup(c.Group),
		kgo.ConsumeTopics(c.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(joined.take),
		kgo.OnPartitionsRevoked(joined.giveUp),
		kgo.OnPartitionsLost(joined.giveUp),
	}
	if c.Protocol == "consumer" {
		options = append(options,
			kgo.Balancers(kgo.CooperativeStickyBalancer()),
			kgo.ServerSideBalancer(),
		)
	} else {
		options = append(options,
			kgo.Balancers(kgo.RangeBalancer()),
			kgo.SessionTimeout(time.Duration(c.SessionMs)*time.Millisecond),
			kgo.HeartbeatInterval(time.Duration(c.HeartbeatMs)*time.Millisecond),
		)
	}
	if c.Instance != nil {
		options = append(options, kgo.InstanceID(*c.Instance))
	}
	client, err := kgo.NewClient(options...)
	if err == nil {
		joined.client = client
		d.member = joined
	}
	return err
}

func (m *member) take(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.assigned = append(m.assigned, partitions[m.topic]...)
}

func (m *member) giveUp(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.assigned = slices.DeleteFunc(m.assigned, func(partition int32) bool {
		return slices.Contains(partitions[m.topic], partition)
	})
}

func (m *member) poll(milliseconds int64) (any, error) {
	ctx, cancel := context.WithTimeout(
		context.Background(), time.Duration(milliseconds)*time.Millisecond)
	defer cancel()
	fetches := m.client.PollFetches(ctx)
	for _, failed := range fetches.Errors() {
		if !errors.Is(failed.Err, context.DeadlineExceeded) {
			return nil, failed.Err
		}
	}
	read := []map[string]any{}
	fetches.EachRecord(func(r *kgo.Record) {
		read = append(read, map[string]any{
			"partition": r.Partition, "offset": r.Offset, "value": encode(r.Value),
		})
	})
	return read, nil
}

func (m *member) assignment() any {
	m.lock.Lock()
	defer m.lock.Unlock()
	return slices.Clone(m.assigned)
}

func (m *member) commit() error {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	return m.client.CommitUncommittedOffsets(ctx)
}

// A static member goes without telling its group.
func (d *driver) leave() {
	if d.member != nil {
		d.member.client.Close()
	}
	if d.transactor != nil {
		d.transactor.close()
	}
}
