//! Pieces of files.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use kafka_sim_core::SimTime;
use kafka_sim_core::batch::Batch;

/// A piece of a file as it was written. Record batches stay unmaterialised, so replicas and requests share their bytes.
#[derive(Clone, Debug)]
pub enum Chunk {
    /// A record batch, stamped head first.
    Batch(Batch),
    /// Any other bytes.
    Plain(Bytes),
}

impl Chunk {
    /// Size in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Chunk::Batch(batch) => batch.size() as u64,
            Chunk::Plain(bytes) => bytes.len() as u64,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds the bytes to `out`.
    pub fn write_to(&self, out: &mut BytesMut) {
        match self {
            Chunk::Batch(batch) => batch.write_to(out),
            Chunk::Plain(bytes) => out.extend_from_slice(bytes),
        }
    }

    fn slice(&self, range: Range<u64>) -> Chunk {
        if range == (0..self.len()) {
            return self.clone();
        }
        let (start, end) = (to_index(range.start), to_index(range.end));
        match self {
            Chunk::Plain(bytes) => Chunk::Plain(bytes.slice(start..end)),
            Chunk::Batch(batch) => {
                let mut bytes = BytesMut::with_capacity(batch.size());
                batch.write_to(&mut bytes);
                Chunk::Plain(bytes.freeze().slice(start..end))
            }
        }
    }
}

/// A chunk at its place in a file.
#[derive(Clone, Debug)]
pub struct Extent {
    /// Byte position in the file.
    pub position: u64,
    /// When it was written.
    pub written: SimTime,
    /// The bytes.
    pub chunk: Chunk,
}

impl Extent {
    /// Byte position after it.
    pub fn end(&self) -> u64 {
        self.position + self.chunk.len()
    }
}

/// The chunks that make up the bytes of `range`; those that lie inside it whole are shared, not copied.
pub(super) fn slice(extents: &[Extent], range: Range<u64>) -> Vec<Extent> {
    let first = extents.partition_point(|extent| extent.end() <= range.start);
    extents[first..]
        .iter()
        .take_while(|extent| extent.position < range.end)
        .map(|extent| {
            let start = range.start.max(extent.position);
            let end = range.end.min(extent.end());
            let chunk = extent.chunk.slice(start - extent.position..end - extent.position);
            Extent {
                position: start,
                written: extent.written,
                chunk,
            }
        })
        .collect()
}

/// The bytes of consecutive chunks. Copies unless it is one plain chunk.
pub(crate) fn to_bytes(extents: &[Extent]) -> Bytes {
    match extents {
        [] => Bytes::new(),
        [
            Extent {
                chunk: Chunk::Plain(bytes),
                ..
            },
        ] => bytes.clone(),
        _ => {
            let size = extents.iter().map(|extent| extent.chunk.len()).sum();
            let mut bytes = BytesMut::with_capacity(to_index(size));
            extents.iter().for_each(|extent| extent.chunk.write_to(&mut bytes));
            bytes.freeze()
        }
    }
}

/// `ranges` without what lies in `holes`. Both are in order, and adjacent ranges are joined.
pub(super) fn without(ranges: impl IntoIterator<Item = Range<u64>>, holes: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut left: Vec<Range<u64>> = Vec::new();
    let mut add = |range: Range<u64>| match left.last_mut() {
        _ if range.is_empty() => {}
        Some(last) if last.end == range.start => last.end = range.end,
        _ => left.push(range),
    };
    for range in ranges {
        let mut start = range.start;
        for hole in holes
            .iter()
            .filter(|hole| hole.start < range.end && hole.end > range.start)
        {
            add(start..hole.start.max(start));
            start = hole.end;
        }
        add(start.min(range.end)..range.end);
    }
    left
}

/// Positions come from sizes of bytes in memory, so they fit.
pub(super) fn to_index(position: u64) -> usize {
    usize::try_from(position).expect("a file in memory is no longer than the address space")
}
