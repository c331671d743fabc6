// The franz-go client as a child process: reads one call a line, answers one line (see driver.py).
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A call with the arguments of every kind; each kind uses its own.
type call struct {
	Call        string            `json:"call"`
	Topic       string            `json:"topic"`
	Partition   int32             `json:"partition"`
	Records     []record          `json:"records"`
	Codec       string            `json:"codec"`
	Idempotent  bool              `json:"idempotent"`
	Acks        string            `json:"acks"`
	Start       position          `json:"start"`
	Count       int               `json:"count"`
	Configs     map[string]string `json:"configs"`
	TimestampMs int64             `json:"timestamp_ms"`
	Offset      int64             `json:"offset"`
	Group       string            `json:"group"`
	Protocol    string            `json:"protocol"`
	Instance    *string           `json:"instance"`
	SessionMs   int64             `json:"session_ms"`
	HeartbeatMs int64             `json:"heartbeat_ms"`
	WaitMs      int64             `json:"wait_ms"`

	TransactionalID string  `json:"transactional_id"`
	TransactionMs   int64   `json:"transaction_ms"`
	Value           *string `json:"value"`
	Commit          bool    `json:"commit"`
}

type record struct {
	Value       *[]byte      `json:"value"`
	Key         *[]byte      `json:"key"`
	Headers     [][2]*string `json:"headers"`
	TimestampMs *int64       `json:"timestamp_ms"`
}

type position struct {
	Name        string `json:"name"`
	Offset      *int64 `json:"offset"`
	TimestampMs *int64 `json:"timestamp_ms"`
}

func main() {
	bootstrap := os.Args[1]
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	if err != nil {
		panic(err)
	}
	defer client.Close()
	driver := driver{bootstrap: bootstrap, admin: kadm.NewClient(client)}
	defer driver.leave()
	input := bufio.NewReader(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	for {
		line, err := input.ReadBytes('\n')
		if err != nil {
			return
		}
		if err := output.Encode(driver.reply(line)); err != nil {
			panic(err)
		}
	}
}

func (d *driver) reply(line []byte) map[string]any {
	var c call
	err := json.Unmarshal(line, &c)
	if err == nil {
		var answer any
		if answer, err = d.answer(&c); err == nil {
			return map[string]any{"answer": answer}
		}
	}
	reply := map[string]any{"error": err.Error()}
	var refused *kerr.Error
	if errors.As(err, &refused) {
		reply["code"] = refused.Code
	}
	return reply
}

func (d *driver) answer(c *call) (any, error) {
	switch c.Call {
	case "produce":
		return nil, d.produce(c)
	case "consume":
		return d.consume(c)
	case "brokers":
		return d.brokers()
	case "topics":
		return d.topics()
	case "create_topic":
		return nil, d.createTopic(c)
	case "delete_topic":
		return nil, d.deleteTopic(c)
	case "add_partitions":
		return nil, d.addPartitions(c)
	case "topic_configs":
		return d.topicConfigs(c)
	case "set_topic_config":
		return nil, d.setTopicConfig(c)
	case "watermarks":
		return d.watermarks(c)
	case "offset_for_timestamp":
		return d.offsetForTimestamp(c)
	case "delete_records":
		return nil, d.deleteRecords(c)
	case "join":
		return nil, d.join(c)
	case "poll":
		return d.member.poll(c.WaitMs)
	case "assignment":
		return d.member.assignment(), nil
	case "commit":
		return nil, d.member.commit()
	case "transactor":
		return nil, d.transact(c)
	case "take":
		return d.transactor.take(c.Count)
	case "begin":
		return nil, d.transactor.begin()
	case "send":
		return nil, d.transactor.send(c)
	case "send_offsets":
		// They go with the end.
		return nil, nil
	case "end":
		return nil, d.transactor.end(c.Commit)
	}
	return nil, errors.New("no such call: " + c.Call)
}
