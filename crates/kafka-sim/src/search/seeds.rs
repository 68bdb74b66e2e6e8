//! Which seeds a search tries.

use std::fmt;
use std::str::FromStr;

use kafka_sim_core::Seed;

/// One of several equal parts of a search, for one of several machines. Together the parts are the whole, and no seed
/// is in two of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    pub(super) index: u64,
    pub(super) count: u64,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Shard = Shard { index: 0, count: 1 };
}

impl FromStr for Shard {
    type Err = String;

    /// Reads `i/n`, where `i` counts from 0.
    fn from_str(text: &str) -> Result<Shard, String> {
        let wrong = || format!("`{text}` is no shard: expected I/N with I from 0 to N - 1, such as 0/4");
        let (index, count) = text.split_once('/').ok_or_else(wrong)?;
        let (index, count) = (index.parse().map_err(|_| wrong())?, count.parse().map_err(|_| wrong())?);
        if index < count {
            Ok(Shard { index, count })
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// A range of seeds, or every n-th of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seeds {
    pub(super) first: u64,
    pub(super) count: u64,
    pub(super) shard: Shard,
}

impl Seeds {
    /// That many seeds from `first` on; none above [`u64::MAX`].
    pub fn from_first(first: u64, count: u64) -> Seeds {
        Seeds {
            first,
            count: count.min(u64::MAX - first),
            shard: Shard::WHOLE,
        }
    }

    /// Only those of a shard.
    #[must_use]
    pub fn shard(self, shard: Shard) -> Seeds {
        Seeds { shard, ..self }
    }

    /// How many they are.
    pub fn count(self) -> u64 {
        self.count.saturating_sub(self.shard.index).div_ceil(self.shard.count)
    }

    /// The seeds in order.
    pub fn iter(self) -> impl Iterator<Item = Seed> {
        let Shard { index, count } = self.shard;
        (0..self.count()).map(move |nth| Seed(self.first + index + nth * count))
    }
}
