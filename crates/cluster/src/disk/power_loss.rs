//! The machine loses power: what the disk shows when it comes back.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use kafka_sim_core::{SimRng, SimTime};

use super::chunk::{self, Chunk, Extent, to_index};
use super::file::File;
use super::journal::Op;
use super::{Disk, FileId, Survivors};

/// What a loss of power did to one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileLoss {
    /// Path in the page cache when power was lost.
    pub path: Arc<str>,
    /// Bytes the page cache had shown.
    pub len_before: u64,
    /// Bytes it has now; `None` if the file is gone or has an older name.
    pub len_after: Option<u64>,
    /// How many bytes that the page cache had shown are not on the platter.
    pub lost_bytes: u64,
}

/// What a loss of power did to the disk.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PowerLossReport {
    /// Files that differ from what the page cache had shown, by path.
    pub changed: Vec<FileLoss>,
}

impl PowerLossReport {
    /// Bytes lost in all files together.
    pub fn lost_bytes(&self) -> u64 {
        self.changed.iter().map(|file| file.lost_bytes).sum()
    }
}

/// How one file came out of it.
struct Outcome {
    file: Option<File>,
    loss: Option<FileLoss>,
}

impl Disk {
    /// Power is lost at `now`. Afterwards page cache and platter agree, and all file handles are void.
    pub fn power_loss(&mut self, now: SimTime, survivors: Survivors, rng: &mut SimRng) -> PowerLossReport {
        let committed = survivors.journal(self.journal.committed(now), self.journal.end(), rng);
        let mut report = PowerLossReport::default();
        let mut files: BTreeMap<Arc<str>, File> = BTreeMap::new();
        let ids: Vec<FileId> = self.names.values().copied().collect();
        let mut all: Vec<Box<File>> = ids.iter().filter_map(|id| self.files[id.0 as usize].take()).collect();
        let undone = std::mem::take(&mut self.unlinked)
            .into_iter()
            .filter(|(op, _)| *op >= committed);
        all.extend(undone.map(|(_, file)| file));
        for mut file in all {
            file.settle(now, self.config.write_back);
            let outcome = lose_power(&file, now, committed, survivors, rng);
            report.changed.extend(outcome.loss);
            // Two files can claim one name only if a later one took the name of an undone operation. The journal is a
            // prefix, so the later one does not exist then: whoever came out of it first keeps the name.
            if let Some(file) = outcome.file {
                files.entry(file.path().clone()).or_insert(file);
            }
        }
        self.files.clear();
        self.names.clear();
        self.journal.reset();
        self.used = files.values().map(File::len).sum();
        for file in files.into_values() {
            self.insert(file);
        }
        report
    }
}

fn lose_power(file: &File, now: SimTime, committed: Op, survivors: Survivors, rng: &mut SimRng) -> Outcome {
    if let Some(replaced) = file.replaced().filter(|replaced| replaced.durable_at > now) {
        let keeps_new = match survivors {
            Survivors::None => false,
            Survivors::Prefix | Survivors::PageSubset => rng.chance(1, 2),
            Survivors::TornTail | Survivors::All => true,
        };
        return if keeps_new {
            intact(file)
        } else {
            undone(file, replaced.old.clone())
        };
    }
    let Some(path) = file.name_at(committed).cloned() else {
        return undone(file, None);
    };
    let durable = file.durable_upto(now, super::WriteBack::Never);
    let survived = survivors.of(durable..file.len(), file.extents(), rng);
    let present = chunk::without(std::iter::once(0..durable).chain(survived), file.lost());
    let ghost = file
        .ghost()
        .filter(|ghost| ghost.op >= committed)
        .map_or(&[][..], |ghost| &ghost.extents);
    let extents = overlay(file.extents(), &present, ghost);
    let kept: u64 = present.iter().map(|range| range.end - range.start).sum();
    let survivor = File::on_platter(path, extents);
    let changed = survivor.path() != file.path() || kept != file.len() || !ghost.is_empty();
    let len_after = (survivor.path() == file.path()).then_some(survivor.len());
    let loss = changed.then(|| FileLoss {
        path: file.path().clone(),
        len_before: file.len(),
        len_after,
        lost_bytes: file.len() - kept,
    });
    Outcome {
        file: Some(survivor),
        loss,
    }
}

fn intact(file: &File) -> Outcome {
    Outcome {
        file: Some(File::on_platter(file.path().clone(), file.extents().to_vec())),
        loss: None,
    }
}

/// The file's last replacement or its creation never happened.
fn undone(file: &File, old: Option<Vec<Extent>>) -> Outcome {
    let survivor = old.map(|extents| File::on_platter(file.path().clone(), extents));
    let loss = FileLoss {
        path: file.path().clone(),
        len_before: file.len(),
        len_after: survivor.as_ref().map(File::len),
        lost_bytes: file.len(),
    };
    Outcome {
        file: survivor,
        loss: Some(loss),
    }
}

/// The bytes of `extents` in the `present` ranges, laid over `beneath`, with zeros where there is neither.
fn overlay(extents: &[Extent], present: &[Range<u64>], beneath: &[Extent]) -> Vec<Extent> {
    let beneath_end = beneath.last().map_or(0, Extent::end);
    let end = present.last().map_or(0, |range| range.end).max(beneath_end);
    let mut out = Vec::new();
    let mut at = 0;
    for range in present {
        fill(&mut out, beneath, at..range.start);
        out.extend(chunk::slice(extents, range.clone()));
        at = range.end;
    }
    fill(&mut out, beneath, at..end);
    out
}

fn fill(out: &mut Vec<Extent>, beneath: &[Extent], gap: Range<u64>) {
    let mut at = gap.start;
    for extent in chunk::slice(beneath, gap.clone()) {
        zeros(out, at..extent.position);
        at = extent.end();
        out.push(extent);
    }
    zeros(out, at..gap.end.max(at));
}

fn zeros(out: &mut Vec<Extent>, range: Range<u64>) {
    if !range.is_empty() {
        let chunk = Chunk::Plain(Bytes::from(vec![0; to_index(range.end - range.start)]));
        out.push(Extent {
            position: range.start,
            written: SimTime::ZERO,
            chunk,
        });
    }
}
