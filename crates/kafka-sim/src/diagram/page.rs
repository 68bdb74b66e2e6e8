//! The page itself.

use std::fmt::Write as _;

use kafka_sim_check::Report;

use super::data::Diagram;
use crate::sim::Run;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Stories on the page, the first of them unfolded; the whole report is at the bottom of the page.
const STORIES: usize = 5;

pub(super) fn render(title: &str, diagram: &Diagram, run: &Run, report: &Report) -> String {
    let data = serde_json::to_string(diagram).expect("it has no maps with keys that are not text");
    let (badge, word) = if report.is_clean() {
        ("clean", "CLEAN")
    } else {
        ("broken", "NOT CLEAN")
    };
    let parts = [
        ("{{style}}", STYLE.to_owned()),
        ("{{title}}", escape(title)),
        ("{{badge}}", badge.to_owned()),
        ("{{word}}", word.to_owned()),
        ("{{seed}}", run.seed().to_string()),
        ("{{hash}}", format!("{:016x}", run.trace_hash)),
        ("{{counts}}", escape(&report.counts.to_string())),
        ("{{dangers}}", escape(&report.verdict.dangers().to_string())),
        ("{{faults}}", faults(run)),
        ("{{stories}}", stories(report)),
        ("{{report}}", escape(&format!("{report:#}"))),
        ("{{pinned}}", escape(&run.pinned())),
        // In a script element nothing but the end of the element has a meaning.
        ("{{data}}", data.replace('<', "\\u003c")),
        ("{{script}}", SCRIPT.to_owned()),
    ];
    fill(&parts)
}

/// Replaces each placeholder of the template once, from left to right, so that no value is searched for placeholders.
fn fill(parts: &[(&str, String)]) -> String {
    let mut page = String::new();
    let mut rest = TEMPLATE;
    while let Some(begin) = rest.find("{{") {
        page.push_str(&rest[..begin]);
        rest = &rest[begin..];
        let part = parts.iter().find(|(name, _)| rest.starts_with(name));
        let (name, value) = part.expect("the template names only what is there");
        page.push_str(value);
        rest = &rest[name.len()..];
    }
    page.push_str(rest);
    page
}

fn faults(run: &Run) -> String {
    if run.schedule().faults.is_empty() {
        return "<li>none</li>".to_owned();
    }
    let lines = run
        .schedule()
        .faults
        .iter()
        .map(|fault| format!("<li>{}</li>", escape(&fault.to_string())));
    lines.collect()
}

fn stories(report: &Report) -> String {
    let mut html = String::new();
    for (nth, explanation) in report.explanations.iter().take(STORIES).enumerate() {
        let cause = explanation.cause.to_string();
        let open = if nth == 0 { " open" } else { "" };
        let title = escape(&explanation.violation.to_string());
        let _ = write!(html, "<details class=\"story\"{open}><summary>{title}</summary><ol>");
        for sentence in &explanation.story {
            let _ = write!(html, "<li>{}</li>", escape(sentence));
        }
        html.push_str("</ol><dl>");
        for line in cause.lines() {
            let (name, value) = line.trim().split_once(": ").unwrap_or(("", line.trim()));
            let _ = write!(html, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value));
        }
        html.push_str("</dl></details>");
    }
    let more = report.explanations.len().saturating_sub(STORIES);
    if more > 0 {
        let _ = write!(html, "<p>and {more} more, in the report below</p>");
    }
    if report.explanations.is_empty() {
        html.push_str("<p>Every promise was kept.</p>");
    }
    html
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use crate::{ProducerPlan, Promise, Seed, Sim, Topic};

    fn page(title: &str) -> String {
        let run = Sim::new(Seed(1))
            .topic(Topic::named("orders").replicas(3))
            .producer(ProducerPlan::to("orders").records(5))
            .run()
            .expect("the settings are valid");
        crate::diagram::html(title, &run, &run.check(&[Promise::AckedSurvives]))
    }

    #[test]
    fn a_page_is_whole_and_loads_nothing() {
        let page = page("five orders");
        assert!(!page.contains("{{"), "a placeholder was left");
        for elsewhere in ["http://", "https://", "src=", "@import", "url("] {
            let found = page.replace("http://www.w3.org/2000/svg", "").contains(elsewhere);
            assert!(!found, "the page refers to {elsewhere}");
        }
    }

    #[test]
    fn a_title_cannot_become_markup() {
        let page = page("</title><script>alert(1)</script>{{data}}");
        assert!(!page.contains("<script>alert"), "the title was not escaped");
        assert!(
            page.contains("&lt;script&gt;alert(1)&lt;/script&gt;{{data}}"),
            "a title was searched for placeholders"
        );
    }

    #[test]
    fn the_data_names_every_message_and_every_broker() {
        let page = page("five orders");
        let data = page
            .split("id=\"data\">")
            .nth(1)
            .and_then(|rest| rest.split("</script>").next());
        let data: serde_json::Value = serde_json::from_str(data.expect("the page has data")).expect("it is JSON");
        let arrows = data["partitions"][0]["arrows"].as_array().expect("arrows are a list");
        let count = |kind: &str| arrows.iter().filter(|arrow| arrow["kind"] == kind).count();
        assert_eq!(
            (count("send"), count("ack"), count("read")),
            (5, 5, 10),
            "two readers read each of five messages"
        );
        assert_eq!(count("replicate"), 10, "each of five records reaches two followers");
        assert_eq!(data["lanes"].as_array().map(Vec::len), Some(6));
    }
}
