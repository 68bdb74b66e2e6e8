//! How much of the machine a search takes.

/// As many threads as there are cores; one where that cannot be told.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
