//! Bit rot.

use bytes::BytesMut;
use kafka_sim_core::SimRng;
use kafka_sim_core::batch::HEAD_SIZE;

use super::chunk::{Chunk, to_index};
use super::{Disk, FileId};

impl Disk {
    /// Flips a bit in the last write of the newest segment file whose path starts with `prefix`, in the page cache and on the
    /// platter alike. A running broker does not notice, since it keeps what it wrote: whoever opens the log next does.
    ///
    /// Returns whether there was anything to damage.
    pub fn corrupt_tail(&mut self, prefix: &str, rng: &mut SimRng) -> bool {
        let newest = self
            .list(prefix)
            .into_iter()
            .rev()
            .filter(|path| path.ends_with(".log"))
            .find_map(|path| {
                let file = self.lookup(&path)?;
                (self.len(file) > 0).then_some(file)
            });
        newest.is_some_and(|file| self.flip_bit(file, rng))
    }

    fn flip_bit(&mut self, file: FileId, rng: &mut SimRng) -> bool {
        let Some(last) = self.file_mut(file).last_chunk_mut() else {
            return false;
        };
        let mut bytes = BytesMut::with_capacity(to_index(last.len()));
        last.write_to(&mut bytes);
        // No checksum covers the head of a batch, so damage there would be another kind of fault.
        let first = if bytes.len() > HEAD_SIZE { HEAD_SIZE } else { 0 };
        let at = first + rng.index(bytes.len() - first);
        bytes[at] ^= 1 << rng.below(8);
        *last = Chunk::Plain(bytes.freeze());
        true
    }
}
