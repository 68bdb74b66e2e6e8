// Group tooling through kafkajs: list, describe, offsets, reset, delete, and the refusals Kafka gives.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import kafkajs from 'kafkajs'

import { Sim, eventually } from './sim.mjs'

const TOPIC = 'tooling'
const PARTITIONS = 4
const MESSAGES = 40
let sim, admin

before(async () => {
  sim = await Sim.start(`${TOPIC}:${PARTITIONS}:3`)
  admin = sim.client('admin').admin()
  await admin.connect()
  const producer = sim.client('filler').producer()
  await producer.connect()
  const messages = Array.from({ length: MESSAGES }, (_, n) => ({ value: String(n), partition: n % PARTITIONS }))
  await producer.send({ topic: TOPIC, acks: -1, messages })
  await producer.disconnect()
})

after(async () => {
  await admin.disconnect()
  assert.equal(await sim.stop(), 0)
})

const listed = async group => (await admin.listGroups()).groups.find(({ groupId }) => groupId === group)
const described = async group => (await admin.describeGroups([group])).groups[0]

/** What is committed, by partition; -1 is nothing. */
async function offsets(group) {
  const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [TOPIC] })
  return partitions.sort((a, b) => a.partition - b.partition).map(({ offset }) => Number(offset))
}

/** The code with which Kafka refuses something. */
async function refusal(promise) {
  const error = await promise.then(
    () => assert.fail('it was not refused'),
    error => error
  )
  return error.type ?? error.groups?.[0]?.error?.type ?? error.message
}

/** A member that has joined, and the messages it was given. */
async function join(group, clientId) {
  const consumer = sim.client(clientId).consumer({ groupId: group, heartbeatInterval: 300, maxWaitTimeInMs: 100 })
  const member = { consumer, messages: [], assigned: [] }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    member.assigned = payload.memberAssignment[TOPIC] ?? []
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [TOPIC], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      member.messages.push([partition, Number(message.offset)])
    },
  })
  return member
}

test('a group is listed, described, reset and deleted', { timeout: 60_000 }, async () => {
  const group = 'tooled'
  assert.equal(await listed(group), undefined)
  const members = await Promise.all(['app-0', 'app-1'].map(client => join(group, client)))
  try {
    const share = PARTITIONS / members.length
    await eventually('both have their share', () => members.every(({ assigned }) => assigned.length === share))
    await eventually('everything is committed', async () => (await offsets(group)).every(offset => offset === 10))
    assert.equal((await listed(group)).protocolType, 'consumer')

    const description = await described(group)
    assert.deepEqual([description.state, description.protocol], ['Stable', 'RoundRobinAssigner'])
    for (const [n, { assigned }] of members.entries()) {
      const shown = description.members.find(({ clientId }) => clientId === `app-${n}`)
      const { assignment } = kafkajs.AssignerProtocol.MemberAssignment.decode(shown.memberAssignment)
      assert.deepEqual(assignment[TOPIC], assigned)
    }
    assert.equal(await refusal(admin.deleteGroups([group])), 'NON_EMPTY_GROUP')
    // kafkajs itself does not reset a group with members.
    await assert.rejects(
      admin.setOffsets({ groupId: group, topic: TOPIC, partitions: [{ partition: 0, offset: '3' }] }),
      /must be in state Empty|running instances|Stable/
    )
  } finally {
    await Promise.all(members.map(({ consumer }) => consumer.disconnect()))
  }

  await eventually('the group is empty', async () => (await described(group)).state === 'Empty')
  assert.deepEqual((await described(group)).members, [])
  await admin.setOffsets({ groupId: group, topic: TOPIC, partitions: [{ partition: 0, offset: '3' }] })
  assert.deepEqual(await offsets(group), [3, 10, 10, 10])

  const later = await join(group, 'later')
  try {
    await eventually('the later member has all partitions', () => later.assigned.length === PARTITIONS)
    await eventually('the later member goes on from there', () => later.messages.length === 7)
    assert.deepEqual(
      later.messages,
      [3, 4, 5, 6, 7, 8, 9].map(offset => [0, offset])
    )
  } finally {
    await later.consumer.disconnect()
  }

  await eventually('the group is empty again', async () => (await described(group)).state === 'Empty')
  // To kafkajs a reset is a commit of "from the beginning".
  await admin.resetOffsets({ groupId: group, topic: TOPIC, earliest: true })
  assert.deepEqual(await offsets(group), [-2, -2, -2, -2])
  const [deleted] = await admin.deleteGroups([group])
  assert.deepEqual([deleted.groupId, deleted.errorCode ?? 0], [group, 0])
  assert.equal(await listed(group), undefined)
  assert.deepEqual(await offsets(group), [-1, -1, -1, -1])
  assert.equal(await refusal(admin.deleteGroups([group])), 'GROUP_ID_NOT_FOUND')
})
