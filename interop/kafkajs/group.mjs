// One group of three members while it is shaken: the members, the course of events, and the judge.

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

import { FULL_SIZE, PARTITIONS, eventually } from './sim.mjs'

/** A third member or a new coordinator counts as working once each member has got this far with it. */
const SHARE = 300
/** How many messages a member processes before it commits them, while the group is shaken and afterwards. */
const CHUNK = 50
const LAST_CHUNKS = 1_000
/** What a commit is answered by somebody who does not coordinate the group. */
const NOT_COORDINATOR = 'NOT_COORDINATOR_FOR_GROUP'

/** What the members of one run have processed. */
export class Course {
  /** Milliseconds that a message takes. */
  pace = 0
  byMember = {}
  /** Member and number by offset, for each partition. */
  log = Array.from({ length: PARTITIONS }, () => new Map())
  /** Chunks that were processed and could not be committed before the member had to join again. */
  atRisk = []
  /** Other commits that failed. */
  unclean = []
  distinct = 0

  processed(member, partition, offset, number) {
    const log = this.log[partition]
    if (!log.has(offset)) {
      log.set(offset, [])
      this.distinct += 1
    }
    log.get(offset).push({ member, number })
    this.byMember[member] = (this.byMember[member] ?? 0) + 1
  }

  /** A member tries the same chunk again until it has joined, so it may come here more than once with it. */
  risk(chunk) {
    if (!this.atRisk.some(known => JSON.stringify(known) === JSON.stringify(chunk))) {
      this.atRisk.push(chunk)
    }
  }

  /**
   * Nothing lost, and nothing twice but what was at risk: kafkajs asks for a group's coordinator only when it joins, so
   * a chunk that was processed while the coordinator died cannot be committed by its member before it joins again, and
   * may be processed by another one too, once for each time it was at risk.
   */
  judge() {
    assert.deepEqual(this.unclean, [])
    const risks = (partition, offset) =>
      this.atRisk.filter(chunk => chunk.partition === partition && chunk.first <= offset && offset <= chunk.last).length
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const log = this.log[partition]
      for (let number = partition, offset = 0; number < FULL_SIZE; number += PARTITIONS, offset += 1) {
        const found = log.get(offset) ?? []
        const words = `offset ${offset} of partition ${partition}: ${JSON.stringify(found)}`
        assert.ok(found.length >= 1 && found.length <= 1 + risks(partition, offset), words)
        assert.ok(found.every(one => one.number === number), words)
      }
    }
    assert.equal(this.distinct, FULL_SIZE)
    // Each partition had one owner when the coordinator died, with at most one chunk of it in its hands.
    assert.ok(this.atRisk.length <= PARTITIONS, JSON.stringify(this.atRisk))
  }
}

/** A consumer that commits every chunk as soon as it is processed, before it can hear of a rebalance. */
export class Member {
  constructor(kafka, groupId, topic, name, course) {
    Object.assign(this, { name, topic, course })
    /** What comes next, by partition; what is before it this member has processed, committed or not. */
    this.next = {}
    this.consumer = kafka.consumer({
      groupId,
      sessionTimeout: 20_000,
      rebalanceTimeout: 30_000,
      heartbeatInterval: 300,
      maxWaitTimeInMs: 100,
    })
    this.consumer.on(this.consumer.events.CRASH, ({ payload }) => {
      this.failure = payload.error
    })
  }

  async start() {
    await this.consumer.connect()
    await this.consumer.subscribe({ topics: [this.topic], fromBeginning: true })
    await this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: batch => this.process(batch),
    })
  }

  async process({ batch, resolveOffset, heartbeat, isRunning, isStale, commitOffsetsIfNecessary }) {
    const { partition, messages } = batch
    let first = 0
    while (first < messages.length && isRunning() && !isStale()) {
      const chunk = messages.slice(first, first + (this.course.pace ? CHUNK : LAST_CHUNKS)).map(({ offset, value }) => ({
        offset: Number(offset),
        number: Number(value.toString()),
      }))
      const fresh = chunk.filter(({ offset }) => offset >= (this.next[partition] ?? 0))
      for (const { offset, number } of fresh) {
        this.course.processed(this.name, partition, offset, number)
        this.next[partition] = offset + 1
      }
      const last = chunk.at(-1).offset
      const partitions = [{ partition, offset: String(last + 1) }]
      const commit = () => commitOffsetsIfNecessary({ topics: [{ topic: this.topic, partitions }] })
      await this.committed(commit, { member: this.name, partition, first: chunk[0].offset, last })
      resolveOffset(String(last))
      await sleep(fresh.length * this.course.pace)
      await heartbeat()
      first += chunk.length
    }
  }

  /** Commits a chunk. A broker that is away is asked again; one that says it is not the coordinator ends the batch. */
  async committed(commit, chunk) {
    const deadline = Date.now() + 30_000
    for (;;) {
      try {
        return await commit()
      } catch (error) {
        if (error.type === NOT_COORDINATOR) {
          this.course.risk(chunk)
          throw error
        }
        const out = ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS'].includes(error.type)
        if (out || Date.now() > deadline) {
          this.course.unclean.push(`${this.name} could not commit: ${error.message}`)
          throw error
        }
        await sleep(50)
      }
    }
  }

  async leave() {
    await this.consumer.disconnect()
  }
}

/** Two members consume everything, a third comes and goes, and the group's coordinator dies and returns. */
export async function shaken(sim, group, member) {
  const course = new Course()
  const [first, second, third] = ['first', 'second', 'third'].map(name => member(name, course))
  let members = [first, second]

  const wait = (what, holds) =>
    eventually(what, async () => {
      for (const { name, failure } of members) {
        assert.equal(failure, undefined, `${name} broke down`)
      }
      return holds()
    })
  const everyoneGoesOn = () => {
    const before = { ...course.byMember }
    return () => members.every(({ name }) => (course.byMember[name] ?? 0) >= (before[name] ?? 0) + SHARE)
  }

  try {
    course.pace = 1
    await Promise.all([first.start(), second.start()])
    await wait('both members work', everyoneGoesOn())
    members.push(third)
    await third.start()
    await wait('the third member works', everyoneGoesOn())
    const struck = await sim.strike({ kill: { coordinator_of: { group } } }, 3_000)
    assert.equal(struck.length, 1, 'a group that works has one coordinator')
    assert.ok(!(await sim.running()).includes(struck[0]))
    await wait('the group goes on under another coordinator', everyoneGoesOn())
    await wait('the broker that was killed is back', async () => (await sim.running()).includes(struck[0]))
    members = [first, second]
    await third.leave()
    await wait('the others take over', everyoneGoesOn())
    assert.ok(course.distinct < FULL_SIZE, 'all of this has to happen before the last message')
    course.pace = 0
    await wait('everything is consumed', () => course.distinct === FULL_SIZE)
  } finally {
    await Promise.all([first, second, third].map(one => one.leave()))
  }
  return course
}
