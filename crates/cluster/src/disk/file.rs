//! One file: page cache and platter.

use std::ops::Range;
use std::sync::Arc;

use kafka_sim_core::SimTime;

use super::WriteBack;
use super::chunk::{self, Chunk, Extent};
use super::journal::Op;

/// What is known about a file's name on the platter.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// The file does not exist on the platter before this operation commits.
    created: Option<Op>,
    /// Names it had before, oldest first, and the operations that took them away, as far as those can be undone.
    renames: Vec<(Arc<str>, Op)>,
}

impl Entry {
    /// The name of a file that was created by this operation.
    pub(super) fn created(op: Op) -> Self {
        Entry {
            created: Some(op),
            renames: Vec::new(),
        }
    }

    /// Whether the file has its name on the platter when the journal is committed up to `committed`.
    pub(super) fn exists(&self, committed: Op) -> bool {
        let durable = |op: Op| op < committed;
        self.created.is_none_or(durable) && self.renames.iter().all(|(_, op)| durable(*op))
    }

    /// The name the platter has for the file that is now called `path`; `None` if it has no such file.
    fn name_at<'a>(&'a self, path: &'a Arc<str>, committed: Op) -> Option<&'a Arc<str>> {
        if self.created.is_some_and(|op| op >= committed) {
            return None;
        }
        let undone = self.renames.iter().find(|(_, op)| *op >= committed);
        Some(undone.map_or(path, |(from, _)| from))
    }
}

/// A sync under way.
#[derive(Clone, Copy, Debug)]
struct PendingSync {
    durable_at: SimTime,
    upto: u64,
    /// No truncation happened since it was issued, so it carries the last one to the platter.
    carries_truncation: bool,
}

/// Bytes on the platter that a truncation cut off in the page cache only.
#[derive(Clone, Debug)]
pub(super) struct Ghost {
    pub(super) extents: Vec<Extent>,
    pub(super) op: Op,
}

/// A file that was replaced as a whole, by rename, and whose replacement is not durable yet.
#[derive(Clone, Debug)]
pub(super) struct Replaced {
    /// The content before; `None` if there was no such file.
    pub(super) old: Option<Vec<Extent>>,
    pub(super) durable_at: SimTime,
}

/// Chunks that there is room for once the first was appended.
const FIRST_EXTENTS: usize = 32;

#[derive(Clone, Debug)]
pub(super) struct File {
    path: Arc<str>,
    entry: Entry,
    extents: Vec<Extent>,
    len: u64,
    /// The platter has everything below, except `lost`.
    durable: u64,
    syncs: Vec<PendingSync>,
    /// Ranges that a failed sync marked clean: they are never written.
    lost: Vec<Range<u64>>,
    /// What the platter shows from `durable` on.
    ghost: Option<Ghost>,
    replaced: Option<Replaced>,
}

impl File {
    pub(super) fn new(path: Arc<str>, entry: Entry) -> Self {
        File {
            path,
            entry,
            extents: Vec::new(),
            len: 0,
            durable: 0,
            syncs: Vec::new(),
            lost: Vec::new(),
            ghost: None,
            replaced: None,
        }
    }

    /// A file that the platter has as it is.
    pub(super) fn on_platter(path: Arc<str>, extents: Vec<Extent>) -> Self {
        let len = extents.last().map_or(0, Extent::end);
        File {
            extents,
            len,
            durable: len,
            ..File::new(path, Entry::default())
        }
    }

    pub(super) fn path(&self) -> &Arc<str> {
        &self.path
    }

    pub(super) fn entry(&self) -> &Entry {
        &self.entry
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn extents(&self) -> &[Extent] {
        &self.extents
    }

    pub(super) fn lost(&self) -> &[Range<u64>] {
        &self.lost
    }

    pub(super) fn ghost(&self) -> Option<&Ghost> {
        self.ghost.as_ref()
    }

    pub(super) fn replaced(&self) -> Option<&Replaced> {
        self.replaced.as_ref()
    }

    pub(super) fn append(&mut self, chunk: Chunk, now: SimTime) {
        let position = self.len;
        self.len += chunk.len();
        if self.extents.capacity() == 0 {
            self.extents.reserve(FIRST_EXTENTS);
        }
        self.extents.push(Extent {
            position,
            written: now,
            chunk,
        });
    }

    pub(super) fn last_chunk_mut(&mut self) -> Option<&mut Chunk> {
        self.extents.last_mut().map(|extent| &mut extent.chunk)
    }

    /// Cuts the file in the page cache. Call [`File::settle`] first. `committed` is the journal's durable place.
    pub(super) fn truncate(&mut self, len: u64, op: Op, committed: Op) {
        if len < self.durable {
            let on_platter = chunk::without(std::iter::once(len..self.durable), &self.lost);
            let mut cut: Vec<Extent> = on_platter
                .into_iter()
                .flat_map(|range| chunk::slice(&self.extents, range))
                .collect();
            let older = self.ghost.take().filter(|ghost| ghost.op >= committed);
            cut.extend(older.into_iter().flat_map(|ghost| ghost.extents));
            self.ghost = Some(Ghost { extents: cut, op });
            self.durable = len;
        }
        let kept = self.extents.partition_point(|extent| extent.end() <= len);
        let torn = self
            .extents
            .get(kept)
            .filter(|extent| extent.position < len)
            .map(|extent| extent.position);
        let piece = torn.map_or_else(Vec::new, |position| {
            chunk::slice(&self.extents[kept..=kept], position..len)
        });
        self.extents.truncate(kept);
        self.extents.extend(piece);
        self.len = len;
        for sync in &mut self.syncs {
            sync.upto = sync.upto.min(len);
            sync.carries_truncation = false;
        }
        self.lost.retain_mut(|range| {
            range.end = range.end.min(len);
            range.start < range.end
        });
    }

    /// Replaces the whole content at once, as a rename over it does.
    pub(super) fn replace(&mut self, chunk: Chunk, now: SimTime, durable_at: SimTime, existed: bool) {
        let old = match self.replaced.take() {
            Some(replaced) if replaced.durable_at > now => replaced.old,
            // The memory of what was replaced before that is at hand.
            replaced => existed.then(|| {
                let mut spare = replaced.and_then(|replaced| replaced.old).unwrap_or_default();
                spare.clear();
                std::mem::replace(&mut self.extents, spare)
            }),
        };
        self.len = chunk.len();
        self.durable = self.len;
        self.extents.clear();
        self.extents.push(Extent {
            position: 0,
            written: now,
            chunk,
        });
        self.entry = Entry::default();
        self.replaced = Some(Replaced { old, durable_at });
    }

    /// The name the platter has for the file, see [`Entry::name_at`].
    pub(super) fn name_at(&self, committed: Op) -> Option<&Arc<str>> {
        self.entry.name_at(&self.path, committed)
    }

    /// Gives the file another name and returns the one it had. `committed` is the journal's durable place.
    pub(super) fn rename(&mut self, to: Arc<str>, op: Op, committed: Op) -> Arc<str> {
        let from = std::mem::replace(&mut self.path, to);
        self.entry.renames.retain(|(_, op)| *op >= committed);
        self.entry.renames.push((from.clone(), op));
        from
    }

    /// Catches up with what syncs and write-back have done until `now`.
    pub(super) fn settle(&mut self, now: SimTime, write_back: WriteBack) {
        let durable = self.durable_upto(now, write_back);
        if self.truncation_synced(now) {
            self.ghost = None;
        }
        self.drop_overwritten_ghost(durable);
        self.durable = durable;
        self.syncs.retain(|sync| sync.durable_at > now);
    }

    /// When a sync under way makes all bytes durable, if there is such a sync.
    pub(super) fn covering_sync(&self) -> Option<SimTime> {
        let covers = |sync: &&PendingSync| sync.upto >= self.len && (sync.carries_truncation || self.ghost.is_none());
        self.syncs.iter().filter(covers).map(|sync| sync.durable_at).min()
    }

    /// Nothing to sync. Call [`File::settle`] first.
    pub(super) fn is_clean(&self) -> bool {
        self.durable == self.len && self.ghost.is_none()
    }

    pub(super) fn begin_sync(&mut self, durable_at: SimTime) {
        self.syncs.push(PendingSync {
            durable_at,
            upto: self.len,
            carries_truncation: true,
        });
    }

    /// A sync failed: what it should have written is clean and will never be.
    pub(super) fn lose_dirty(&mut self, now: SimTime) {
        let pending = self.syncs.iter().map(|sync| sync.upto).max().unwrap_or(0);
        let from = self
            .durable
            .max(pending)
            .max(self.lost.last().map_or(0, |range| range.end));
        if from < self.len {
            self.lost.push(from..self.len);
        }
        let durable_at = self.syncs.iter().map(|sync| sync.durable_at).max().unwrap_or(now);
        self.syncs.push(PendingSync {
            durable_at,
            upto: self.len,
            carries_truncation: false,
        });
    }

    /// Everything below is on the platter at `now`, or lost to a failed sync.
    pub(super) fn durable_upto(&self, now: SimTime, write_back: WriteBack) -> u64 {
        let synced = self
            .syncs
            .iter()
            .filter(|sync| sync.durable_at <= now)
            .map(|sync| sync.upto)
            .max()
            .unwrap_or(0);
        let written_back = match write_back {
            WriteBack::Never => 0,
            WriteBack::Every(age) => {
                let aged = self.extents.partition_point(|extent| extent.written + age <= now);
                aged.checked_sub(1).map_or(0, |last| self.extents[last].end())
            }
        };
        self.durable.max(synced).max(written_back)
    }

    /// Length of the prefix that the platter has for certain.
    pub(super) fn durable_len(&self, now: SimTime, write_back: WriteBack) -> u64 {
        if self.replaced.as_ref().is_some_and(|replaced| replaced.durable_at > now) {
            return 0;
        }
        let durable = self.durable_upto(now, write_back);
        self.lost.first().map_or(durable, |range| durable.min(range.start))
    }

    fn truncation_synced(&self, now: SimTime) -> bool {
        self.syncs
            .iter()
            .any(|sync| sync.durable_at <= now && sync.carries_truncation)
    }

    /// New bytes that reached the platter took the place of old ones there.
    fn drop_overwritten_ghost(&mut self, durable: u64) {
        if let Some(ghost) = self.ghost.as_mut().filter(|_| durable > self.durable) {
            let end = ghost.extents.last().map_or(0, Extent::end);
            ghost.extents = chunk::slice(&ghost.extents, durable.min(end)..end);
            if ghost.extents.is_empty() {
                self.ghost = None;
            }
        }
    }
}
