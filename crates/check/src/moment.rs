//! How instants are printed.

use std::fmt;

/// Nanoseconds since the start of a run, printed as seconds.
///
/// ```
/// use kafka_sim_check::Moment;
/// assert_eq!(Moment(1_200_000_000).to_string(), "1.200000000s");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Moment(pub u64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        write!(f, "{seconds}.{nanos:09}s")
    }
}
