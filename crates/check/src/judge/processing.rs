//! Whether groups processed what was acknowledged.

use super::groups::Group;
use super::survival::{Acked, Fate, fates};
use super::{Bench, Found};
use crate::promise::Promise;
use crate::report::Stage;
use crate::verdict::Unclean;
use crate::violation::Violation;

pub(super) fn judge(bench: &Bench<'_>) -> Found {
    let mut found = Found::default();
    let mut judged = false;
    for (number, group) in bench.groups.iter() {
        let mut undecided = 0;
        let consumed = fates(bench.history, &bench.places, &bench.finals)
            .filter(|acked| group.topics.contains(&bench.history.topic_of(acked.log)));
        for acked in consumed {
            judged = true;
            // What was compacted away may have been so before the group came to it.
            if group.processed.contains_key(&acked.handle) || acked.fate == Fate::Replaced {
                continue;
            }
            match group.settled {
                Some((settled, _)) if acked.at <= settled => found.breaches.push(breach(bench, number, &acked)),
                _ => undecided += 1,
            }
        }
        if undecided > 0 {
            found.doubts.push(unsettled(bench, number, undecided));
        }
    }
    if !judged {
        found.nothing_of(Promise::EveryAckedProcessed);
    }
    found
}

fn breach(bench: &Bench<'_>, group: u32, acked: &Acked<'_>) -> Violation {
    let (topic, partition) = bench.history.log(acked.log);
    Violation::Unprocessed {
        message: bench.history.entry(acked.handle).id,
        producer: acked.sent.producer,
        group: bench.history.group(group).clone(),
        topic: topic.clone(),
        partition,
        offset: acked.offset,
        acked_at: acked.at,
        stage: stage(bench, acked),
    }
}

fn stage(bench: &Bench<'_>, acked: &Acked<'_>) -> Option<Stage> {
    match acked.fate {
        Fate::Survived | Fate::Expired | Fate::Replaced => Some(Stage::Consumption),
        Fate::Lost => {
            // Every place of a message that was acknowledged without an offset is one where it was seen.
            let known = !bench.places.of_message(acked.handle).is_empty();
            Some(if known { Stage::Storage } else { Stage::Production })
        }
        Fate::Undecided => None,
    }
}

pub(super) fn unsettled(bench: &Bench<'_>, group: u32, messages: u64) -> Unclean {
    Unclean::Unsettled {
        group: bench.history.group(group).clone(),
        messages,
    }
}

/// Whether the groups came to rest.
pub(super) fn judge_rest(bench: &Bench<'_>) -> Found {
    let mut found = Found::default();
    let mut judged = false;
    for (number, group) in bench.groups.iter() {
        judged = true;
        match *group {
            Group {
                settled: Some((_, true)),
                ..
            } => {}
            Group {
                settled: Some((at, false)),
                ..
            } => found.breaches.push(Violation::NotConverged {
                group: bench.history.group(number).clone(),
                at,
            }),
            Group { settled: None, .. } => found.doubts.push(unsettled(bench, number, 0)),
        }
    }
    if !judged {
        found.nothing_of(Promise::Converges);
    }
    found
}
