//! Making bytes durable.

use bytes::Bytes;
use kafka_sim_core::SimTime;

use super::chunk::Chunk;
use super::file::{Entry, File};
use super::{Disk, FileId, IoError, SyncFault, journal};

impl Disk {
    /// Changes what fsync does from now on. Syncs under way end as they began.
    pub fn set_sync_fault(&mut self, fault: SyncFault) {
        self.fault = fault;
    }

    /// fsync of one file, its length and its name. Returns the instant at which all of it is durable: `now` if there was
    /// nothing to do. A loss of power before that instant finds the sync undone.
    ///
    /// # Errors
    /// [`IoError::SyncFailed`] under [`SyncFault::Fail`].
    pub fn sync(&mut self, id: FileId, now: SimTime) -> Result<SimTime, IoError> {
        let (write_back, fault) = (self.config.write_back, self.fault);
        let durable_at = now + self.sync_duration();
        let committed = self.journal.committed(now);
        let file = self.file_mut(id);
        file.settle(now, write_back);
        let named = file.entry().exists(committed);
        if named && file.is_clean() {
            return Ok(now);
        }
        match fault {
            SyncFault::Fail => {
                file.lose_dirty(now);
                Err(IoError::SyncFailed)
            }
            SyncFault::Lie => Ok(durable_at),
            SyncFault::None | SyncFault::Slow(_) => {
                if let Some(at) = self.sync_under_way(id) {
                    return Ok(at);
                }
                self.file_mut(id).begin_sync(durable_at);
                self.journal.commit_at(durable_at, now);
                Ok(durable_at)
            }
        }
    }

    /// fsync of the directory: every name is durable from the returned instant on.
    ///
    /// # Errors
    /// [`IoError::SyncFailed`] under [`SyncFault::Fail`].
    pub fn sync_names(&mut self, now: SimTime) -> Result<SimTime, IoError> {
        let durable_at = now + self.sync_duration();
        match self.fault {
            SyncFault::Fail => return Err(IoError::SyncFailed),
            SyncFault::Lie => {}
            SyncFault::None | SyncFault::Slow(_) => self.journal.commit_at(durable_at, now),
        }
        Ok(durable_at)
    }

    /// Replaces a small file atomically: write to a temporary file, fsync it, rename it, fsync the directory. Returns the
    /// instant of durability. Until then a loss of power may leave the old or the new content, never a mixture.
    ///
    /// # Errors
    /// [`IoError::Full`], or [`IoError::SyncFailed`] under [`SyncFault::Fail`]; the old content is then still in place.
    pub fn write_checkpoint(&mut self, path: &str, content: Bytes, now: SimTime) -> Result<SimTime, IoError> {
        let durable_at = now + self.sync_duration() * 2;
        match self.fault {
            SyncFault::Fail => return Err(IoError::SyncFailed),
            SyncFault::Lie => self.replace(path, content, now, SimTime::MAX)?,
            SyncFault::None | SyncFault::Slow(_) => {
                self.replace(path, content, now, durable_at)?;
                self.journal.commit_at(durable_at, now);
            }
        }
        Ok(durable_at)
    }

    /// Replaces a small file atomically without waiting for it to be durable; the journal sees to that in its own time.
    ///
    /// # Errors
    /// [`IoError::Full`]; the old content is then still in place.
    pub fn write_unsynced(&mut self, path: &str, content: Bytes, now: SimTime) -> Result<(), IoError> {
        self.replace(path, content, now, now + journal::COMMIT_INTERVAL)
    }

    /// When a sync that was issued before makes all of the file durable, if one does.
    fn sync_under_way(&self, id: FileId) -> Option<SimTime> {
        let file = self.file(id);
        file.covering_sync()
            .filter(|at| file.entry().exists(self.journal.committed(*at)))
    }

    fn replace(&mut self, path: &str, content: Bytes, now: SimTime, durable_at: SimTime) -> Result<(), IoError> {
        let size = content.len() as u64;
        self.check_space(size)?;
        let (id, existed) = match self.lookup(path) {
            Some(id) => (id, true),
            None => (self.insert(File::new(path.into(), Entry::default())), false),
        };
        let before = self.len(id);
        self.used = self.used - before + size;
        self.file_mut(id)
            .replace(Chunk::Plain(content), now, durable_at, existed);
        Ok(())
    }

    fn sync_duration(&self) -> std::time::Duration {
        match self.fault {
            SyncFault::Slow(extra) => self.config.sync_latency + extra,
            SyncFault::None | SyncFault::Fail | SyncFault::Lie => self.config.sync_latency,
        }
    }
}
