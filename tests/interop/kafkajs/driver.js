// The kafkajs client as a child process: reads one call a line, answers one line (see driver.py).
'use strict'

const readline = require('node:readline')
const {
  CompressionCodecs,
  CompressionTypes,
  ConfigResourceTypes,
  Kafka,
  logLevel,
} = require('kafkajs')

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')

const kafka = new Kafka({
  brokers: [process.argv[2]],
  logLevel: logLevel.NOTHING,
  retry: { retries: 3 },
})
const admin = kafka.admin()

const codecs = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
}

const decode = (text) => (text === null ? null : Buffer.from(text, 'base64'))

const message = (partition) => (record) => ({
  partition,
  key: decode(record.key),
  value: decode(record.value),
  headers: Object.fromEntries(record.headers.map(([key, value]) => [key, decode(value)])),
  timestamp: record.timestamp_ms === null ? undefined : String(record.timestamp_ms),
})

// The member of a group that `join` starts: what it has read and not told yet, and its partitions.
const member = { consumer: null, read: [], assigned: [], next: new Map(), failure: null }

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

const topicResource = (topic) => ({ type: ConfigResourceTypes.TOPIC, name: topic })

const calls = {
  async produce({ topic, partition, records, codec, idempotent, acks }) {
    const producer = kafka.producer({ idempotent, allowAutoTopicCreation: false })
    await producer.connect()
    try {
      const messages = records.map(message(partition))
      await producer.send({ topic, messages, acks, compression: codecs[codec] })
    } finally {
      await producer.disconnect()
    }
  },

  async brokers() {
    const { brokers } = await admin.describeCluster()
    return brokers.map(({ host, port }) => `${host}:${port}`)
  },

  async topics() {
    const { topics } = await admin.fetchTopicMetadata()
    return Object.fromEntries(topics.map(({ name, partitions }) => [name, partitions.length]))
  },

  async createTopic({ topic, count, configs }) {
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
    const wanted = { topic, numPartitions: count, replicationFactor: 1, configEntries }
    if (!(await admin.createTopics({ topics: [wanted] }))) {
      throw Object.assign(new Error('the topic exists'), { code: 36 })
    }
  },

  async deleteTopic({ topic }) {
    await admin.deleteTopics({ topics: [topic] })
  },

  async addPartitions({ topic, count }) {
    await admin.createPartitions({ topicPartitions: [{ topic, count }] })
  },

  async topicConfigs({ topic }) {
    const { resources } = await admin.describeConfigs({ resources: [topicResource(topic)] })
    return Object.fromEntries(
      resources[0].configEntries.map(({ configName, configValue }) => [configName, configValue]),
    )
  },

  async setTopicConfig({ topic, key, value }) {
    const resource = { ...topicResource(topic), configEntries: [{ name: key, value }] }
    await admin.alterConfigs({ validateOnly: false, resources: [resource] })
  },

  async watermarks({ topic, partition }) {
    const offsets = await admin.fetchTopicOffsets(topic)
    const { low, high } = offsets.find((found) => found.partition === partition)
    return [Number(low), Number(high)]
  },

  async offsetForTimestamp({ topic, partition, timestamp }) {
    const offsets = await admin.fetchTopicOffsetsByTimestamp(topic, timestamp)
    return Number(offsets.find((found) => found.partition === partition).offset)
  },

  async deleteRecords({ topic, partition, offset }) {
    // The call itself knows no topic that the client has not asked about before.
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] })
  },

  async join({ group, topic, session_ms, heartbeat_ms }) {
    const consumer = kafka.consumer({
      groupId: group,
      sessionTimeout: session_ms,
      heartbeatInterval: heartbeat_ms,
      // It looks for a rebalance between two fetches.
      maxWaitTimeInMs: heartbeat_ms,
    })
    member.consumer = consumer
    member.topic = topic
    consumer.on(consumer.events.REBALANCING, () => {
      member.assigned = []
    })
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      member.assigned = payload.memberAssignment[topic] ?? []
    })
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      member.failure = payload.error
    })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    const eachMessage = async ({ partition, message }) => {
      const offset = Number(message.offset)
      member.read.push({ partition, offset, value: message.value?.toString('base64') ?? null })
      member.next.set(partition, offset + 1)
    }
    // It returns when the group has settled, which may need the polls of the other members.
    consumer.run({ autoCommit: false, eachMessage }).catch((error) => {
      member.failure = error
    })
  },

  async poll({ wait_ms }) {
    if (member.failure) throw member.failure
    if (member.read.length === 0) await pause(wait_ms)
    return member.read.splice(0)
  },

  async assignment() {
    return member.assigned
  },

  async commit() {
    const { topic } = member
    await member.consumer.commitOffsets(
      [...member.next].map(([partition, offset]) => ({ topic, partition, offset: String(offset) })),
    )
  },
}

// An error's code may lie in its cause, or in the errors that an aggregate holds.
function refusal(error) {
  for (const part of [error, error.cause, ...(error.errors ?? [])]) {
    if (typeof part?.code === 'number') return { code: part.code, error: part.message }
  }
  return { error: String(error.stack) }
}

async function main() {
  await admin.connect()
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { call, ...parameters } = JSON.parse(line)
    let reply
    try {
      reply = { answer: (await calls[call](parameters)) ?? null }
    } catch (error) {
      reply = refusal(error)
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`)
  }
  await member.consumer?.disconnect()
  await admin.disconnect()
}

main()
