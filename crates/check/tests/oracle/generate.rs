//! Small random histories, mostly sound, with every kind of damage.

use kafka_sim_check::{Completion, MessageId, Observation};
use std::collections::BTreeMap;

/// Knuth's MMIX generator.
pub(crate) struct Lcg(u64);

impl Lcg {
    pub(crate) fn new(seed: u64) -> Lcg {
        let mut lcg = Lcg(seed);
        lcg.below(2);
        lcg
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// Two producers send to two partitions; the logs suffer; two readers read, and mostly a final one.
pub(crate) fn random_history(lcg: &mut Lcg) -> Vec<Observation> {
    let mut seen = Vec::new();
    let mut logs: BTreeMap<i32, Vec<Option<u64>>> = BTreeMap::from([(0, Vec::new()), (1, Vec::new())]);
    let mut sequences: BTreeMap<(u32, i32), u64> = BTreeMap::new();
    for id in 0..lcg.below(9) {
        let (producer, partition) = (lcg.below(2) as u32, lcg.below(2) as i32);
        let sequence = sequences.entry((producer, partition)).or_default();
        seen.push(Observation::Sent {
            at: 0,
            producer,
            message: MessageId(id),
            topic: "orders".into(),
            partition: Some(partition),
            key: (!lcg.one_in(3)).then(|| lcg.below(2)),
            sequence: *sequence,
            business: lcg.one_in(4).then(|| lcg.below(3)),
            resend_of: (id > 0 && lcg.one_in(5)).then(|| MessageId(lcg.below(id))),
        });
        *sequence += 1;
        let log = logs.get_mut(&partition).expect("both partitions are there");
        let offset = write(lcg, log, id);
        outcome(lcg, &mut seen, id, partition, offset);
        if lcg.one_in(8) {
            let keep = lcg.below(log.len() as u64 + 1) as usize;
            log.truncate(keep);
        }
    }
    for reader in [1, 2] {
        wander(lcg, &mut seen, reader, &logs);
    }
    for (partition, log) in &mut logs {
        if lcg.one_in(3) && log.len() > 1 {
            log.swap(0, 1);
        }
        final_read(lcg, &mut seen, *partition, log);
    }
    seen
}

/// Makes every instant the position in the history.
pub(crate) fn stamped(mut seen: Vec<Observation>) -> Vec<Observation> {
    for (at, observation) in (1..).zip(&mut seen) {
        stamp(observation, at);
    }
    seen
}

fn write(lcg: &mut Lcg, log: &mut Vec<Option<u64>>, id: u64) -> i64 {
    if lcg.one_in(12) {
        log.push(None);
    }
    let offset = log.len() as i64;
    if !lcg.one_in(6) {
        log.push(Some(id));
        if lcg.one_in(6) {
            log.push(Some(id));
        }
    }
    offset
}

fn outcome(lcg: &mut Lcg, seen: &mut Vec<Observation>, id: u64, partition: i32, offset: i64) {
    let message = MessageId(id);
    let error = "ERROR".into();
    seen.push(match lcg.below(10) {
        0..=5 => Observation::Acked {
            at: 0,
            message,
            partition,
            offset: Some(offset),
        },
        6 => Observation::Acked {
            at: 0,
            message,
            partition,
            offset: None,
        },
        7 => Observation::Refused { at: 0, message, error },
        8 => Observation::Unknown { at: 0, message, error },
        _ => return,
    });
}

fn wander(lcg: &mut Lcg, seen: &mut Vec<Observation>, reader: u32, logs: &BTreeMap<i32, Vec<Option<u64>>>) {
    for _ in 0..lcg.below(8) {
        let partition = lcg.below(2) as i32;
        let log = &logs[&partition];
        match lcg.below(6) {
            0 => seen.push(Observation::Repositioned {
                at: 0,
                reader,
                topic: "orders".into(),
                partition,
            }),
            1 | 2 => {
                let completion = [Completion::Ok, Completion::Ok, Completion::Info, Completion::Fail];
                seen.push(Observation::Poll {
                    at: 0,
                    reader,
                    completion: completion[lcg.below(4) as usize],
                });
            }
            _ if !log.is_empty() => {
                let offset = lcg.below(log.len() as u64);
                let mut message = log[offset as usize];
                if lcg.one_in(8) {
                    message = Some(lcg.below(11));
                }
                seen.push(read(reader, partition, offset as i64, message));
            }
            _ => {}
        }
    }
}

fn final_read(lcg: &mut Lcg, seen: &mut Vec<Observation>, partition: i32, log: &[Option<u64>]) {
    let log_start = if lcg.one_in(6) { lcg.below(3) as i64 } else { 0 };
    // The final reader may be one that was here before, and then it starts over, or should have.
    let reader = 1 + lcg.below(3) as u32;
    if reader != 3 && !lcg.one_in(4) {
        seen.push(Observation::Repositioned {
            at: 0,
            reader,
            topic: "orders".into(),
            partition,
        });
    }
    for (offset, message) in (0..).zip(log) {
        if offset >= log_start && !lcg.one_in(12) {
            seen.push(read(reader, partition, offset, *message));
        }
    }
    if !lcg.one_in(5) {
        let offset = log.len() as i64;
        seen.push(Observation::EndOfRead {
            at: 0,
            reader,
            topic: "orders".into(),
            partition,
            log_start,
            offset,
        });
    }
}

fn read(reader: u32, partition: i32, offset: i64, message: Option<u64>) -> Observation {
    let message = message.map(MessageId);
    Observation::Read {
        at: 0,
        reader,
        topic: "orders".into(),
        partition,
        offset,
        message,
        leader_epoch: None,
    }
}

fn stamp(observation: &mut Observation, now: u64) {
    match observation {
        Observation::Sent { at, .. }
        | Observation::Acked { at, .. }
        | Observation::Refused { at, .. }
        | Observation::Unknown { at, .. }
        | Observation::Poll { at, .. }
        | Observation::Repositioned { at, .. }
        | Observation::Read { at, .. }
        | Observation::EndOfRead { at, .. }
        | Observation::Joined { at, .. }
        | Observation::Owned { at, .. }
        | Observation::Released { at, .. }
        | Observation::Processed { at, .. }
        | Observation::Effect { at, .. }
        | Observation::CommitSent { at, .. }
        | Observation::Committed { at, .. }
        | Observation::Died { at, .. }
        | Observation::GroupSettled { at, .. } => *at = now,
        _ => {}
    }
}
