// Producing and consuming, each with a client of its own.
package main

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const wait = 30 * time.Second

var codecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

var acks = map[string]kgo.Acks{"0": kgo.NoAck(), "1": kgo.LeaderAck(), "all": kgo.AllISRAcks()}

func (d *driver) produce(c *call) error {
	options := []kgo.Opt{
		kgo.SeedBrokers(d.bootstrap),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codecs[c.Codec]),
		kgo.ProducerBatchMaxBytes(4_000_000),
		kgo.ProducerLinger(20 * time.Millisecond),
		kgo.RequiredAcks(acks[c.Acks]),
	}
	if !c.Idempotent {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer client.Close()
	records := make([]*kgo.Record, 0, len(c.Records))
	for _, r := range c.Records {
		record, err := r.forTopic(c.Topic, c.Partition)
		if err != nil {
			return err
		}
		records = append(records, record)
	}
	// Not by RecordDeliveryTimeout: that counts from a record's timestamp, which may lie in 2013.
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	return client.ProduceSync(ctx, records...).FirstErr()
}

func (r *record) forTopic(topic string, partition int32) (*kgo.Record, error) {
	record := &kgo.Record{Topic: topic, Partition: partition}
	if r.Value != nil {
		record.Value = *r.Value
	}
	if r.Key != nil {
		record.Key = *r.Key
	}
	if r.TimestampMs != nil {
		record.Timestamp = time.UnixMilli(*r.TimestampMs)
	}
	for _, header := range r.Headers {
		value, err := decode(header[1])
		if err != nil {
			return nil, err
		}
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: *header[0], Value: value})
	}
	return record, nil
}

func (d *driver) consume(c *call) (any, error) {
	start := kgo.NewOffset()
	switch {
	case c.Start.Offset != nil:
		start = start.At(*c.Start.Offset)
	case c.Start.TimestampMs != nil:
		start = start.AfterMilli(*c.Start.TimestampMs)
	case c.Start.Name == "earliest":
		start = start.AtStart()
	default:
		start = start.AtEnd()
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(d.bootstrap),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.Topic: {c.Partition: start}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
	)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	consumed := []map[string]any{}
	for len(consumed) < c.Count {
		fetches := client.PollRecords(ctx, c.Count-len(consumed))
		if err := fetches.Err(); err != nil && ctx.Err() == nil {
			return nil, err
		}
		fetches.EachRecord(func(r *kgo.Record) { consumed = append(consumed, describe(r)) })
		if ctx.Err() != nil {
			break
		}
	}
	return consumed, nil
}

func describe(r *kgo.Record) map[string]any {
	headers := [][2]any{}
	for _, header := range r.Headers {
		headers = append(headers, [2]any{header.Key, encode(header.Value)})
	}
	return map[string]any{
		"offset":       r.Offset,
		"timestamp_ms": r.Timestamp.UnixMilli(),
		"value":        encode(r.Value),
		"key":          encode(r.Key),
		"headers":      headers,
	}
}

func encode(data []byte) any {
	if data == nil {
		return nil
	}
	return base64.StdEncoding.EncodeToString(data)
}

// A null stays nil, which is another thing than no bytes.
func decode(text *string) ([]byte, error) {
	if text == nil {
		return nil, nil
	}
	data, err := base64.StdEncoding.DecodeString(*text)
	if data == nil {
		data = []byte{}
	}
	return data, err
}
