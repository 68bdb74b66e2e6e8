//! What a fetch brought for one partition and nobody has taken yet, as Kafka's `CompletedFetch`.

use std::collections::VecDeque;

use super::{
    records::Unpacked,
    types::{ReadError, ReadRecord},
};

/// Records to hand out, in offset order.
#[derive(Clone, Debug)]
pub(super) struct Buffer {
    /// The position it continues: other positions mean that it is obsolete.
    pub(super) offset: i64,
    pub(super) records: VecDeque<ReadRecord>,
    /// The position after the last record, and the leader epoch there.
    pub(super) next_offset: i64,
    pub(super) last_epoch: Option<i32>,
    /// What comes after the records.
    pub(super) error: Option<ReadError>,
}

impl Buffer {
    /// Nothing if there is nothing to hand out.
    pub(super) fn of(unpacked: Unpacked, offset: i64) -> Option<Buffer> {
        let something = unpacked.next_offset > offset || unpacked.error.is_some();
        something.then(|| Buffer {
            offset,
            records: unpacked.records.into(),
            next_offset: unpacked.next_offset,
            last_epoch: unpacked.last_epoch,
            error: unpacked.error,
        })
    }
}
