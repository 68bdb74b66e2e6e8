//! One line per run: what determinism is checked by.

use std::io::{self, Write};

use super::Tried;

/// Scenario, variant, seed and 16 hexadecimal digits.
pub(super) fn print(out: &mut impl Write, tried: &[Tried<'_>]) -> io::Result<()> {
    for t in tried {
        for (seed, hash) in &t.tally.hashes {
            writeln!(out, "{} {} {} {hash:016x}", t.scenario.name, t.variant.name, seed.0)?;
        }
    }
    Ok(())
}
