//! The matrix as a page.

use std::fmt::Write as _;

use super::{Cell, Matrix};
use crate::html::{Part, escape, fill};

const TEMPLATE: &str = include_str!("page.html");

pub(super) fn render(matrix: &Matrix) -> String {
    let head = matrix
        .columns
        .iter()
        .map(|column| format!("<th scope=\"col\">{}</th>", escape(column)));
    let mut rows = String::new();
    for row in &matrix.rows {
        let settings = escape(&row.settings.join(" "));
        let _ = write!(
            rows,
            "<tr><th scope=\"row\">{}<small>{settings}</small></th>",
            escape(row.profile)
        );
        for (cell, column) in row.cells.iter().zip(&matrix.columns) {
            rows.push_str(&shade(*cell, row.profile, column));
        }
        rows.push_str("</tr>");
    }
    let parts: [Part; 3] = [
        ("{{runs}}", matrix.runs.to_string()),
        ("{{columns}}", head.collect()),
        ("{{rows}}", rows),
    ];
    fill(TEMPLATE, &parts)
}

/// The gravest thing decides the colour, its frequency the depth.
fn shade(cell: Cell, profile: &str, column: &str) -> String {
    let (kind, most) = match cell {
        Cell { lost: 1.., .. } => ("lost", cell.lost),
        Cell { doubled: 1.., .. } => ("doubled", cell.doubled),
        Cell { reordered: 1.., .. } => ("reordered", cell.reordered),
        Cell { .. } => ("kept", 0),
    };
    // From a tenth, so that a single run shows.
    let depth = 15 + most.min(1_000) * 85 / 1_000;
    let hint = format!(
        "{profile}, {column}: per 1000 runs {} lost, {} doubled, {} reordered messages",
        cell.lost, cell.doubled, cell.reordered
    );
    format!(
        "<td class=\"{kind}\" style=\"--depth:{depth}%\" title=\"{}\">{cell}</td>",
        escape(&hint)
    )
}
