// A transactional producer, and the consumer beside it if it has a group. Its offsets go with the
// end of the transaction.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

type transactor struct {
	client *kgo.Client
	// Of one that consumes too.
	session *kgo.GroupTransactSession
}

func (d *driver) transact(c *call) error {
	options := []kgo.Opt{
		kgo.SeedBrokers(d.bootstrap),
		kgo.TransactionalID(c.TransactionalID),
		kgo.TransactionTimeout(time.Duration(c.TransactionMs) * time.Millisecond),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	}
	if c.Group == "" {
		client, err := kgo.NewClient(options...)
		if err != nil {
			return err
		}
		d.transactor = &transactor{client: client}
		// What the client would do with its first record, so that it fences those before it now.
		_, _, err = client.ProducerID(context.Background())
		return err
	}
	session, err := kgo.NewGroupTransactSession(append(options,
		kgo.ConsumerGroup(c.Group),
		kgo.SessionTimeout(time.Duration(c.SessionMs)*time.Millisecond),
		kgo.ConsumeTopics(c.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RequireStableFetchOffsets(),
	)...)
	if err != nil {
		return err
	}
	d.transactor = &transactor{client: session.Client(), session: session}
	_, _, err = session.Client().ProducerID(context.Background())
	return err
}

func (t *transactor) take(count int) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	taken := []any{}
	for len(taken) < count {
		fetches := t.session.PollRecords(ctx, count-len(taken))
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("%d of %d records came: %w", len(taken), count, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			taken = append(taken, map[string]any{
				"partition": r.Partition, "offset": r.Offset, "value": encode(r.Value),
			})
		})
	}
	return taken, nil
}

func (t *transactor) begin() error {
	if t.session != nil {
		return t.session.Begin()
	}
	return t.client.BeginTransaction()
}

func (t *transactor) send(c *call) error {
	value, err := decode(c.Value)
	if err != nil {
		return err
	}
	record := &kgo.Record{Topic: c.Topic, Partition: c.Partition, Value: value}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	return t.client.ProduceSync(ctx, record).FirstErr()
}

func (t *transactor) end(commit bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	end := kgo.TransactionEndTry(commit)
	if t.session == nil {
		if !commit {
			if err := t.client.AbortBufferedRecords(ctx); err != nil {
				return err
			}
		}
		return t.client.EndTransaction(ctx, end)
	}
	committed, err := t.session.End(ctx, end)
	if err == nil && committed != commit {
		return fmt.Errorf("the transaction was to commit: %t, and did: %t", commit, committed)
	}
	return err
}

func (t *transactor) close() {
	if t.session != nil {
		t.session.Close()
	} else {
		t.client.Close()
	}
}
