//! What became of sends.

use super::{Anomalies, Duplicate, InconsistentOffset, NonmonotonicSend, Versions};
use crate::history::{FOREIGN, History, Settled};
use crate::judge::{Fate, FinalReads, Places, fates};
use crate::observation::Completion;
use crate::violation::Place;
use std::collections::BTreeSet;

pub(super) fn find(history: &History, places: &Places, versions: &Versions, anomalies: &mut Anomalies) {
    let read_well = read_well(history);
    duplicates(history, places, anomalies);
    inconsistent_offsets(history, places, anomalies);
    unread(history, places, versions, &read_well, anomalies);
    nonmonotonic_sends(history, places, versions, anomalies);
    for &handle in history.sent_handles() {
        let entry = history.entry(handle);
        let read = read_well.range((handle, 0)..=(handle, u32::MAX)).next().is_some();
        if read && matches!(entry.settled, Some(Settled::Refused { .. })) {
            anomalies.aborted_reads.push(entry.id);
        }
    }
}

/// Messages with the logs from which a poll that ended well returned them.
type ReadWell = BTreeSet<(u32, u32)>;

fn read_well(history: &History) -> ReadWell {
    let reads = history.reads().iter();
    reads
        .filter(|read| read.message != FOREIGN && read.completion == Completion::Ok)
        .map(|read| (read.message, read.log))
        .collect()
}

fn duplicates(history: &History, places: &Places, anomalies: &mut Anomalies) {
    for places in places.messages() {
        for places in places.chunk_by(|a, b| a.log == b.log).filter(|places| places.len() > 1) {
            let (topic, partition) = history.log(places[0].log);
            anomalies.duplicates.push(Duplicate {
                message: history.entry(places[0].message).id,
                topic: topic.clone(),
                partition,
                offsets: places.iter().map(|place| place.offset).collect(),
            });
        }
    }
}

fn inconsistent_offsets(history: &History, places: &Places, anomalies: &mut Anomalies) {
    for occupants in places.offsets().filter(|occupants| occupants.len() > 1) {
        let (topic, partition) = history.log(occupants[0].log);
        let mut messages: Vec<_> = occupants.iter().map(|place| history.id_of(place.message)).collect();
        messages.sort_unstable();
        let place = Place {
            partition,
            offset: occupants[0].offset,
        };
        anomalies.inconsistent_offsets.push(InconsistentOffset {
            topic: topic.clone(),
            place,
            messages,
        });
    }
}

/// Lost writes and unseen messages.
fn unread(history: &History, places: &Places, versions: &Versions, read_well: &ReadWell, anomalies: &mut Anomalies) {
    // By log: the highest first index of a message that was read well. All that lies at or below
    // it must have been read.
    let mut bounds = vec![-1; history.log_count()];
    for places in places.messages() {
        for places in places.chunk_by(|a, b| a.log == b.log) {
            if read_well.contains(&(places[0].message, places[0].log)) {
                let bound = &mut bounds[places[0].log as usize];
                *bound = versions.index(places[0].log, places[0].offset).max(*bound);
            }
        }
    }
    let finals = FinalReads::of(history);
    let replaced = fates(history, places, &finals).filter(|acked| acked.fate == Fate::Replaced);
    let replaced: BTreeSet<u32> = replaced.map(|acked| acked.handle).collect();
    for &handle in history.sent_handles() {
        let entry = history.entry(handle);
        let Some(Settled::Acked { log, .. }) = entry.settled else {
            continue;
        };
        if read_well.contains(&(handle, log)) || replaced.contains(&handle) || history.is_deleted(log) {
            continue;
        }
        anomalies.unseen.push(entry.id);
        let last = places.of_message(handle).iter().rfind(|place| place.log == log);
        if last.is_some_and(|last| versions.index(log, last.offset) <= bounds[log as usize]) {
            anomalies.lost_writes.push(entry.id);
        }
    }
}

fn nonmonotonic_sends(history: &History, places: &Places, versions: &Versions, anomalies: &mut Anomalies) {
    // Log, producer, rank of sending, message, its first offset.
    let mut sends: Vec<(u32, u32, u32, u32, i64)> = Vec::new();
    for places in places.messages() {
        for places in places.chunk_by(|a, b| a.log == b.log) {
            let entry = history.entry(places[0].message);
            let failed = matches!(entry.settled, Some(Settled::Refused { .. }));
            if let Some(sent) = entry.sent.as_ref().filter(|_| !failed) {
                sends.push((
                    places[0].log,
                    sent.producer,
                    sent.rank,
                    places[0].message,
                    places[0].offset,
                ));
            }
        }
    }
    sends.sort_unstable();
    for pair in sends.windows(2) {
        let [
            (log, producer, _, earlier, from),
            (next_log, next_producer, _, later, to),
        ] = *pair
        else {
            continue;
        };
        let same_line = (log, producer) == (next_log, next_producer);
        if same_line && versions.index(log, to) - versions.index(log, from) < 1 {
            let (topic, partition) = history.log(log);
            anomalies.nonmonotonic_sends.push(NonmonotonicSend {
                producer,
                topic: topic.clone(),
                partition,
                earlier: (history.entry(earlier).id, from),
                later: (history.entry(later).id, to),
            });
        }
    }
}
