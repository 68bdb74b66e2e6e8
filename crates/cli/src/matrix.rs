//! `kafka-sim matrix`: settings profiles against kinds of faults.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kafka_sim::matrix::Matrix;

use crate::failure::Failure;
use crate::threads::cores;

/// Arguments of `matrix`.
#[derive(clap::Args)]
pub(crate) struct MatrixArgs {
    /// Runs of each cell.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) runs: u64,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Also write the matrix as a page.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

pub(crate) fn run(args: &MatrixArgs) -> Result<ExitCode, Failure> {
    let threads = cores();
    let style =
        ProgressStyle::with_template("{bar:30} {pos}/{len} runs, {per_sec}").expect("the template is well-formed");
    let bar =
        ProgressBar::with_draw_target(Some(Matrix::size(args.runs)), ProgressDrawTarget::stderr()).with_style(style);
    let matrix = Matrix::of(args.runs, threads, &|| bar.inc(1)).map_err(Failure::failed)?;
    bar.finish_and_clear();
    let mut out = io::stdout().lock();
    if args.json {
        let text = serde_json::to_string_pretty(&matrix).map_err(Failure::failed)?;
        writeln!(out, "{text}")?;
    } else {
        write!(out, "{matrix}")?;
    }
    if let Some(file) = &args.html {
        crate::page::write(file, &matrix.html())?;
    }
    Ok(ExitCode::SUCCESS)
}
