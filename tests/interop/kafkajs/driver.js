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
  await admin.disconnect()
}

main()
