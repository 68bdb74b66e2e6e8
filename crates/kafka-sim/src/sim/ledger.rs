//! What an application writes on its own machine: messages that it still has to send, and marks.
//!
//! A file of entries of one size on a [`Disk`] with a page cache and a platter. An entry that a loss of power tore or
//! turned into zeros ends the file for whoever reads it, as the recovery of a database's log does.

use bytes::{Buf, BufMut, Bytes};
use kafka_sim_check::{MessageId, payload};
use kafka_sim_cluster::disk::{Chunk, Disk, DiskConfig, FileId, IoError, Survivors};
use kafka_sim_core::{SimRng, SimTime};

const PATH: &str = "ledger";

/// Kind and partition stand before the message.
const ENTRY: usize = 1 + 4 + payload::HEADER_LEN;

/// A message that an application keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub(super) id: u64,
    pub(super) sequence: u64,
    pub(super) partition: i32,
}

/// What an entry says of its message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// The business row that the message is about, by itself.
    Business = 1,
    /// It is to be sent.
    Pending = 2,
    /// It needs no sending any more.
    Done = 3,
}

/// The file.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    disk: Disk,
    rng: SimRng,
    file: FileId,
}

impl Ledger {
    pub(super) fn new(config: DiskConfig, rng: SimRng) -> Ledger {
        let mut disk = Disk::new(config);
        let file = disk.open_or_create(PATH, SimTime::ZERO);
        // The machine has had this file since it was installed.
        let _ = disk.sync(file, SimTime::ZERO);
        Ledger { disk, rng, file }
    }

    /// Appends an entry to the page cache.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn write(&mut self, now: SimTime, kind: Kind, row: Row) -> Result<(), IoError> {
        let mut entry = Vec::with_capacity(ENTRY);
        entry.put_u8(kind as u8);
        entry.put_i32(row.partition);
        entry.put_slice(&payload::encode(MessageId(row.id), 0, row.sequence, 0));
        self.disk.append(self.file, Chunk::Plain(Bytes::from(entry)), now)
    }

    /// Syncs the file; everything written so far is on the platter at the instant returned.
    ///
    /// # Errors
    /// The sync failed.
    pub(super) fn sync(&mut self, now: SimTime) -> Result<SimTime, IoError> {
        self.disk.sync(self.file, now)
    }

    /// Cuts everything off.
    pub(super) fn clear(&mut self, now: SimTime) {
        self.disk.truncate(self.file, 0, now);
    }

    /// The machine loses power.
    pub(super) fn power_loss(&mut self, now: SimTime, survivors: Survivors) {
        self.disk.power_loss(now, survivors, &mut self.rng);
        self.file = self.disk.open_or_create(PATH, now);
    }

    /// What can be read, in the order of writing.
    pub(super) fn entries(&self) -> Vec<(Kind, Row)> {
        let mut bytes = self.disk.read_bytes(self.file);
        let mut entries = Vec::new();
        while bytes.len() >= ENTRY {
            let Some(entry) = entry(bytes.split_to(ENTRY)) else {
                break;
            };
            entries.push(entry);
        }
        entries
    }

    /// What is to be sent and not done, in the order of writing.
    pub(super) fn pending(&self) -> Vec<Row> {
        let mut pending: Vec<Row> = Vec::new();
        for (kind, row) in self.entries() {
            match kind {
                Kind::Business => {}
                Kind::Pending => pending.push(row),
                Kind::Done => pending.retain(|other| other.id != row.id),
            }
        }
        pending
    }
}

fn entry(mut bytes: Bytes) -> Option<(Kind, Row)> {
    let kind = match bytes.get_u8() {
        1 => Kind::Business,
        2 => Kind::Pending,
        3 => Kind::Done,
        _ => return None,
    };
    let partition = bytes.get_i32();
    let message = payload::decode(&bytes)?;
    let row = Row {
        id: message.id.0,
        sequence: message.sequence,
        partition,
    };
    Some((kind, row))
}

#[cfg(test)]
mod tests {
    use kafka_sim_core::Seed;

    use super::*;

    fn row(id: u64) -> Row {
        Row {
            id,
            sequence: id,
            partition: 1,
        }
    }

    fn ledger() -> Ledger {
        Ledger::new(DiskConfig::default(), Seed(1).stream("test", 0))
    }

    #[test]
    fn what_is_done_is_not_pending() {
        let mut ledger = ledger();
        for (kind, id) in [
            (Kind::Pending, 1),
            (Kind::Pending, 2),
            (Kind::Business, 3),
            (Kind::Done, 1),
        ] {
            ledger.write(SimTime::ZERO, kind, row(id)).expect("there is room");
        }
        assert_eq!(ledger.pending(), [row(2)]);
    }

    #[test]
    fn a_loss_of_power_takes_what_was_not_synced_and_nothing_else() {
        let mut ledger = ledger();
        ledger
            .write(SimTime::ZERO, Kind::Pending, row(1))
            .expect("there is room");
        let durable = ledger.sync(SimTime::ZERO).expect("the disk is healthy");
        ledger.write(durable, Kind::Pending, row(2)).expect("there is room");
        ledger.power_loss(durable, Survivors::None);
        assert_eq!(ledger.pending(), [row(1)]);
    }

    #[test]
    fn a_torn_entry_ends_the_file() {
        let mut ledger = ledger();
        for id in 1..=3 {
            ledger
                .write(SimTime::ZERO, Kind::Pending, row(id))
                .expect("there is room");
        }
        ledger.power_loss(SimTime::ZERO, Survivors::TornTail);
        assert_eq!(ledger.pending(), [row(1), row(2)]);
    }
}
