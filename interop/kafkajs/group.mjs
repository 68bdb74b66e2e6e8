// One group of three members while it is shaken: the members, the course of events, and the judge.

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

import { FULL_SIZE, PARTITIONS, eventually } from './sim.mjs'

/** A third member or a new coordinator counts as working once each member has got this far with it. */
const SHARE = 300
/** How many messages a member commits at once, while the group is shaken and afterwards. */
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
  /** Commits that failed for another reason than that the coordinator died. */
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

  /** Nothing lost, nothing twice. */
  judge() {
    assert.deepEqual(this.unclean, [])
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const log = this.log[partition]
      for (let number = partition, offset = 0; number < FULL_SIZE; number += PARTITIONS, offset += 1) {
        const found = log.get(offset) ?? []
        const words = `offset ${offset} of partition ${partition}: ${JSON.stringify(found)}`
        assert.ok(found.length === 1 && found[0].number === number, words)
      }
    }
    assert.equal(this.distinct, FULL_SIZE)
  }
}

/**
 * A consumer that makes the results of a chunk known as soon as its commit is.
 *
 * kafkajs asks for a group's coordinator only when it joins, so what is in hand when the coordinator dies cannot be
 * committed by this member any more. Results that were made known before the commit would then come twice. A commit
 * whose answer got lost with its broker is looked up.
 */
export class Member {
  /** `committed` tells what the group has committed, by partition. */
  constructor(kafka, groupId, topic, name, course, committed) {
    Object.assign(this, { name, topic, course, committed })
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
      const last = chunk.at(-1).offset
      const partitions = [{ partition, offset: String(last + 1) }]
      await this.commit(() => commitOffsetsIfNecessary({ topics: [{ topic: this.topic, partitions }] }), partition, last)
      for (const { offset, number } of chunk) {
        this.course.processed(this.name, partition, offset, number)
      }
      resolveOffset(String(last))
      await sleep(chunk.length * this.course.pace)
      await heartbeat()
      first += chunk.length
    }
  }

  /**
   * Returns when everything up to `last` is committed by this member, throws when it is not.
   *
   * A broker that is away is asked again. One that says it is not the coordinator may have been it when it took an
   * earlier try. Nobody else can have committed meanwhile: the group waits for this member as long as its session.
   */
  async commit(send, partition, last) {
    const deadline = Date.now() + 15_000
    for (;;) {
      try {
        return await send()
      } catch (error) {
        if (error.type === NOT_COORDINATOR) {
          if ((await this.committed())[partition] === last + 1) return
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
