//! Writing pages.

use std::path::Path;

use crate::failure::Failure;

/// Writes a page, and says on standard error where it is.
pub(crate) fn write(file: &Path, page: &str) -> Result<(), Failure> {
    let written = std::fs::write(file, page);
    written.map_err(|error| Failure::failed(format!("cannot write {}: {error}", file.display())))?;
    tracing::info!("wrote {}", file.display());
    Ok(())
}
