// Groups through kafkajs: members commit what they have processed before partitions leave them.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { Course, Member, shaken } from './group.mjs'
import { FULL_SIZE, PARTITIONS, Sim, eventually, fill } from './sim.mjs'

const TOPIC = 'group'
let sim

before(async () => {
  sim = await Sim.start(`${TOPIC}:${PARTITIONS}:3:min.insync.replicas=2`)
})

after(async () => {
  assert.equal(await sim.stop(), 0)
})

/** What the group has committed, asked without joining it. */
async function committed(group) {
  const admin = sim.client('auditor').admin()
  await admin.connect()
  try {
    const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [TOPIC] })
    return Object.fromEntries(partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  } finally {
    await admin.disconnect()
  }
}

test('three members process every message once while the coordinator dies', { timeout: 120_000 }, async () => {
  const group = 'kafkajs'
  await fill(sim.client('filler'), TOPIC)
  const member = (name, course) => new Member(sim.client(name), group, TOPIC, name, course, () => committed(group))
  const course = await shaken(sim, group, member)
  course.judge()

  const size = partition => Math.ceil((FULL_SIZE - partition) / PARTITIONS)
  const ends = Object.fromEntries(Array.from({ length: PARTITIONS }, (_, n) => [n, size(n)]))
  assert.deepEqual(await committed(group), ends)
  assert.deepEqual(await sim.strike({ restart: 'all_brokers' }), [0, 1, 2])
  await eventually('the brokers are back with what was committed', async () => {
    const found = await committed(group).catch(() => ({}))
    return JSON.stringify(found) === JSON.stringify(ends)
  })
})

function complete() {
  const course = new Course()
  for (let number = 0; number < FULL_SIZE; number += 1) {
    course.processed('first', number % PARTITIONS, Math.floor(number / PARTITIONS), number)
  }
  return course
}

test('the judge accepts a complete course and names what is lost or doubled', () => {
  complete().judge()
  const doubled = complete()
  doubled.processed('second', 1, 7, 43)
  assert.throws(() => doubled.judge(), /offset 7 of partition 1/)
  const lost = complete()
  lost.log[2].delete(9)
  assert.throws(() => lost.judge(), /offset 9 of partition 2: \[\]/)
})
