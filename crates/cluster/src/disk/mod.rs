//! A broker's disk: every file has a face in the page cache and another on the platter.
//!
//! Killing a process leaves the page cache alone, so nothing has to be done for it. Losing power leaves the platter:
//! what was synced in time, what write-back had carried there, and of the rest whatever [`Survivors`] says.
//!
//! Files are lists of shared chunks. Bytes are only copied when power is lost in the middle of a chunk or when someone
//! reads a file as bytes. Write-back and sync completion are worked out from timestamps when somebody asks, so an idle
//! disk costs nothing.
//!
//! ```
//! use bytes::Bytes;
//! use kafka_sim_cluster::disk::{Chunk, Disk, DiskConfig, Survivors, WriteBack};
//! use kafka_sim_core::{Seed, SimTime};
//!
//! let mut disk = Disk::new(DiskConfig { write_back: WriteBack::Never, ..DiskConfig::default() });
//! let file = disk.open_or_create("orders-0/00000000000000000000.log", SimTime::ZERO);
//! disk.append(file, Chunk::Plain(Bytes::from_static(b"kept")), SimTime::ZERO).expect("the disk is not full");
//! let durable = disk.sync(file, SimTime::ZERO).expect("the disk is healthy");
//! disk.append(file, Chunk::Plain(Bytes::from_static(b"lost")), durable).expect("the disk is not full");
//!
//! disk.power_loss(durable, Survivors::None, &mut Seed(1).stream("disk", 0));
//! let file = disk.lookup("orders-0/00000000000000000000.log").expect("its creation was synced");
//! assert_eq!(disk.read_bytes(file), "kept");
//! ```

mod chunk;
mod damage;
mod file;
mod journal;
mod power_loss;
mod survivors;
mod sync;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_sim_core::SimTime;
use serde::{Deserialize, Serialize};

pub(crate) use chunk::to_bytes;
pub use chunk::{Chunk, Extent};
pub use power_loss::{FileLoss, PowerLossReport};
pub use survivors::Survivors;

use file::{Entry, File};
use journal::{Journal, Op};

/// When the kernel carries dirty pages to the platter on its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum WriteBack {
    /// Only a sync makes bytes durable.
    Never,
    /// Bytes reach the platter once they have been dirty this long (Linux: `vm.dirty_expire_centisecs`, 30 s).
    Every(Duration),
}

/// How a disk behaves when it is healthy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DiskConfig {
    /// The kernel's own write-back.
    pub write_back: WriteBack,
    /// What one fsync takes.
    pub sync_latency: Duration,
    /// Writes that would take all files together past this many bytes fail with [`IoError::Full`].
    pub capacity_bytes: Option<u64>,
}

impl Default for DiskConfig {
    /// Linux's 30 s of write-back delay, 2 ms per fsync, no limit of size.
    fn default() -> Self {
        DiskConfig {
            write_back: WriteBack::Every(Duration::from_secs(30)),
            sync_latency: Duration::from_millis(2),
            capacity_bytes: None,
        }
    }
}

/// What is wrong with fsync.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub enum SyncFault {
    /// Nothing.
    #[default]
    None,
    /// It takes this much longer than [`DiskConfig::sync_latency`].
    Slow(Duration),
    /// It reports EIO and marks the pages clean, so they never reach the platter, whatever later syncs report
    /// ("fsyncgate").
    Fail,
    /// It reports success and does nothing.
    Lie,
}

/// Why a write or a sync failed. Kafka takes the log directory offline for any of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IoError {
    /// ENOSPC.
    #[error("no space left on device")]
    Full,
    /// EIO from fsync.
    #[error("fsync failed")]
    SyncFailed,
}

/// A handle to an open file. Valid until the file is removed or power is lost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileId(u32);

/// One broker's log directory on its disk. Paths are relative to it.
#[derive(Clone, Debug)]
pub struct Disk {
    config: DiskConfig,
    /// Indexed by `FileId`; removed files leave `None`.
    files: Vec<Option<Box<File>>>,
    names: BTreeMap<Arc<str>, FileId>,
    journal: Journal,
    /// Files whose unlinking a loss of power can still undo, by operation.
    unlinked: Vec<(Op, Box<File>)>,
    used: u64,
    full: bool,
    fault: SyncFault,
}

impl Disk {
    /// An empty disk.
    pub fn new(config: DiskConfig) -> Self {
        Disk {
            config,
            files: Vec::new(),
            names: BTreeMap::new(),
            journal: Journal::default(),
            unlinked: Vec::new(),
            used: 0,
            full: false,
            fault: SyncFault::None,
        }
    }

    /// The file of that path, created empty if there is none.
    pub fn open_or_create(&mut self, path: &str, now: SimTime) -> FileId {
        if let Some(id) = self.lookup(path) {
            return id;
        }
        let op = self.journal.record(now);
        self.insert(File::new(path.into(), Entry::created(op)))
    }

    /// The file of that path.
    pub fn lookup(&self, path: &str) -> Option<FileId> {
        self.names.get(path).copied()
    }

    /// Whether there is no file at all, as after [`Disk::wipe`].
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Paths that start with `prefix`, in order.
    pub fn list(&self, prefix: &str) -> Vec<Arc<str>> {
        self.below(prefix).map(|(path, _)| path.clone()).collect()
    }

    /// Paths that start with `prefix`, in order, and their files.
    pub(crate) fn below(&self, prefix: &str) -> impl Iterator<Item = (&Arc<str>, FileId)> {
        let from = self.names.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from.take_while(move |(path, _)| path.starts_with(prefix))
            .map(|(path, file)| (path, *file))
    }

    /// Appends a chunk in the page cache.
    ///
    /// # Errors
    /// [`IoError::Full`], and then nothing was written.
    pub fn append(&mut self, file: FileId, chunk: Chunk, now: SimTime) -> Result<(), IoError> {
        let size = chunk.len();
        self.check_space(size)?;
        self.used += size;
        self.file_mut(file).append(chunk, now);
        Ok(())
    }

    /// Cuts a file to `len` bytes. Until the next sync of it the platter still holds what was cut off.
    pub fn truncate(&mut self, file: FileId, len: u64, now: SimTime) {
        let write_back = self.config.write_back;
        let before = self.len(file);
        if len >= before {
            return;
        }
        let committed = self.journal.committed(now);
        let op = self.journal.record(now);
        self.used -= before - len;
        let file = self.file_mut(file);
        file.settle(now, write_back);
        file.truncate(len, op, committed);
    }

    /// Removes a file for good.
    ///
    /// Divergence: on a real file system a power loss soon after can bring it back, as [`Disk::unlink`] models. Nothing
    /// depends on that for the files removed here.
    pub fn remove(&mut self, file: FileId) {
        self.take(file);
    }

    /// Unlinks a file. Until the journal commits, a loss of power brings it back.
    pub fn unlink(&mut self, file: FileId, now: SimTime) {
        let committed = self.journal.committed(now);
        self.unlinked.retain(|(op, _)| *op >= committed);
        if let Some(removed) = self.take(file) {
            self.unlinked.push((self.journal.record(now), removed));
        }
    }

    /// Renames a file; a file that has the new name is replaced. The new name is not durable until the journal commits.
    pub fn rename(&mut self, file: FileId, to: &str, now: SimTime) {
        if let Some(replaced) = self.lookup(to).filter(|replaced| *replaced != file) {
            self.unlink(replaced, now);
        }
        let committed = self.journal.committed(now);
        let op = self.journal.record(now);
        let renamed = self.file_mut(file);
        let from = renamed.rename(to.into(), op, committed);
        let to = renamed.path().clone();
        self.names.remove(&from);
        self.names.insert(to, file);
    }

    /// What the page cache shows, as chunks.
    pub fn read(&self, file: FileId) -> &[Extent] {
        self.file(file).extents()
    }

    /// What the page cache shows, as bytes. Copies unless the file is one plain chunk.
    pub fn read_bytes(&self, file: FileId) -> Bytes {
        to_bytes(self.read(file))
    }

    /// Bytes the page cache shows.
    pub fn len(&self, file: FileId) -> u64 {
        self.file(file).len()
    }

    /// Length of the prefix that a loss of power at `now` could not touch; 0 while the name itself is not durable.
    pub fn durable_len(&self, file: FileId, now: SimTime) -> u64 {
        let file = self.file(file);
        if file.entry().exists(self.journal.committed(now)) {
            file.durable_len(now, self.config.write_back)
        } else {
            0
        }
    }

    /// Bytes in all files together.
    pub fn used_bytes(&self) -> u64 {
        self.used
    }

    /// Deletes everything, durably: the disk was replaced.
    pub fn wipe(&mut self) {
        let config = self.config;
        let (full, fault) = (self.full, self.fault);
        *self = Disk {
            full,
            fault,
            ..Disk::new(config)
        };
    }

    /// Makes every write fail with [`IoError::Full`], or ends that.
    pub fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    fn take(&mut self, file: FileId) -> Option<Box<File>> {
        let removed = self.files[file.0 as usize].take()?;
        self.used -= removed.len();
        self.names.remove(removed.path());
        Some(removed)
    }

    fn insert(&mut self, file: File) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).expect("fewer than 2^32 files in a run"));
        self.names.insert(file.path().clone(), id);
        self.files.push(Some(Box::new(file)));
        id
    }

    fn check_space(&self, bytes: u64) -> Result<(), IoError> {
        let exhausted = self
            .config
            .capacity_bytes
            .is_some_and(|capacity| self.used + bytes > capacity);
        if self.full || exhausted {
            Err(IoError::Full)
        } else {
            Ok(())
        }
    }

    fn file(&self, id: FileId) -> &File {
        self.files[id.0 as usize]
            .as_deref()
            .expect("handles are dropped when a file is removed")
    }

    fn file_mut(&mut self, id: FileId) -> &mut File {
        self.files[id.0 as usize]
            .as_deref_mut()
            .expect("handles are dropped when a file is removed")
    }
}
