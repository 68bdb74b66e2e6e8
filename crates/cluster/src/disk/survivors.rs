//! Which unsynced bytes outlive a loss of power.

use std::ops::Range;

use kafka_sim_core::SimRng;
use serde::{Deserialize, Serialize};

use super::chunk::Extent;
use super::journal::Op;

/// Bytes of a page, the unit in which the kernel writes.
pub(super) const PAGE: u64 = 4096;

/// What a loss of power leaves of the bytes that were neither synced nor written back.
///
/// Directory operations and truncations are journalled: what survives of them is a prefix, all of them under
/// [`Survivors::TornTail`] and [`Survivors::All`], and none under [`Survivors::None`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Survivors {
    /// Nothing.
    #[default]
    None,
    /// A prefix of random length of each file, ending at a write or anywhere.
    Prefix,
    /// Every 4 KiB page lives or dies on its own. A lost page before a living one reads as zeros.
    PageSubset,
    /// Everything, but each file's last write is cut somewhere in the middle.
    TornTail,
    /// Everything, as if the kernel had just written all of it back.
    All,
}

impl Survivors {
    /// The place up to which the journal survives, out of `committed..=end`.
    pub(super) fn journal(self, committed: Op, end: Op, rng: &mut SimRng) -> Op {
        match self {
            Survivors::None => committed,
            Survivors::Prefix | Survivors::PageSubset => rng.between(committed, end),
            Survivors::TornTail | Survivors::All => end,
        }
    }

    /// The surviving parts of the dirty bytes `dirty` of a file, in order.
    pub(super) fn of(self, dirty: Range<u64>, extents: &[Extent], rng: &mut SimRng) -> Vec<Range<u64>> {
        if dirty.is_empty() {
            return Vec::new();
        }
        let upto = |end: u64| {
            Some(dirty.start..end)
                .into_iter()
                .filter(|range| !range.is_empty())
                .collect()
        };
        match self {
            Survivors::None => Vec::new(),
            Survivors::All => upto(dirty.end),
            Survivors::Prefix => {
                let end = rng.between(dirty.start, dirty.end);
                let whole_writes = rng.chance(1, 2);
                upto(if whole_writes {
                    write_boundary_before(extents, end)
                } else {
                    end
                })
            }
            Survivors::PageSubset => pages(&dirty).filter(|_| rng.chance(1, 2)).collect(),
            Survivors::TornTail => {
                let last = extents
                    .last()
                    .map_or(dirty.start, |extent| extent.position)
                    .max(dirty.start);
                upto(if dirty.end - last > 1 {
                    rng.between(last + 1, dirty.end - 1)
                } else {
                    last
                })
            }
        }
    }
}

fn write_boundary_before(extents: &[Extent], position: u64) -> u64 {
    let whole = extents.partition_point(|extent| extent.end() <= position);
    whole.checked_sub(1).map_or(0, |last| extents[last].end())
}

/// The parts of `range` that lie in different pages.
fn pages(range: &Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
    let Range { start, end } = *range;
    (start / PAGE..end.div_ceil(PAGE)).map(move |page| (page * PAGE).max(start)..((page + 1) * PAGE).min(end))
}
