// Starts, hurts and stops a kafka-sim process.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import kafkajs from 'kafkajs'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The binary under test: KAFKA_SIM_BIN, else the release build of this tree. */
const binary =
  process.env.KAFKA_SIM_BIN ?? `${process.env.CARGO_TARGET_DIR ?? `${root}/target`}/release/kafka-sim`

export const FULL_SIZE = 100_000
export const PARTITIONS = 6

/**
 * Brokers are declared dead after two seconds instead of nine, and a group does not wait three seconds for members that
 * might still come: time is real here.
 */
const config = [
  'broker.session.timeout.ms=2000',
  'broker.heartbeat.interval.ms=200',
  'group.initial.rebalance.delay.ms=300',
]

/** One `kafka-sim serve` process of three brokers on ephemeral ports that takes commands. */
export class Sim {
  static async start(...topics) {
    if (!existsSync(binary)) {
      throw new Error(`${binary} is not there: build it with cargo build --release, or set KAFKA_SIM_BIN`)
    }
    const sim = new Sim()
    const command = ['serve', '--brokers', '3', '--port', '0', '--control']
    command.push(...topics.flatMap(topic => ['--topic', topic]), ...config.flatMap(pair => ['--config', pair]))
    sim.process = spawn(binary, command, { stdio: ['pipe', 'pipe', 'inherit'] })
    sim.ended = once(sim.process, 'exit')
    sim.lines = createInterface({ input: sim.process.stdout })[Symbol.asyncIterator]()
    sim.brokers = (await sim.line()).split(',')
    return sim
  }

  async line() {
    const late = sleep(20_000, undefined, { ref: false }).then(() => {
      throw new Error('kafka-sim says nothing for 20 s')
    })
    const { value } = await Promise.race([this.lines.next(), late])
    if (value === undefined) {
      throw new Error('kafka-sim has ended')
    }
    return value
  }

  /** Sends a command and returns the answer to it. */
  async tell(command) {
    this.process.stdin.write(`${JSON.stringify(command)}\n`)
    return JSON.parse(await this.line())
  }

  /** Lets a fault strike now and returns the brokers it struck. */
  async strike(fault, heal_after_ms) {
    const answer = await this.tell({ fault, heal_after_ms })
    if (!answer.struck) {
      throw new Error(JSON.stringify(answer))
    }
    return answer.struck
  }

  /** The brokers that are up. */
  async running() {
    const { view } = await this.tell('view')
    return view.brokers.filter(broker => broker.running).map(broker => broker.id)
  }

  /** Ends the process the way a shell does and returns its exit status. */
  async stop() {
    this.process.kill('SIGTERM')
    const late = sleep(20_000, 'late', { ref: false })
    if ((await Promise.race([this.ended, late])) === 'late') {
      this.process.kill('SIGKILL')
    }
    const [status] = await this.ended
    return status
  }

  /** A client of this cluster that does not give up while a broker is replaced. */
  client(clientId) {
    return new kafkajs.Kafka({
      clientId,
      brokers: this.brokers,
      logLevel: kafkajs.logLevel[process.env.KAFKAJS_LOG ?? 'NOTHING'],
      connectionTimeout: 2_000,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 },
    })
  }
}

/** Waits until something holds, at most so many milliseconds. */
export async function eventually(what, holds, milliseconds = 40_000) {
  const deadline = Date.now() + milliseconds
  while (!(await holds())) {
    if (Date.now() > deadline) {
      throw new Error(`${what}: not within ${milliseconds} ms`)
    }
    await sleep(20)
  }
}

/** Sends the messages 0 to FULL_SIZE to a topic; message n goes to partition n modulo PARTITIONS. */
export async function fill(kafka, topic) {
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const step = 10_000
  for (let first = 0; first < FULL_SIZE; first += step) {
    const messages = Array.from({ length: step }, (_, n) => ({
      value: String(first + n),
      partition: (first + n) % PARTITIONS,
    }))
    await producer.send({ topic, acks: -1, messages })
  }
  await producer.disconnect()
}
