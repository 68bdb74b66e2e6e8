//! What pages are made with.

/// A placeholder of a template, and what goes there.
pub(crate) type Part = (&'static str, String);

/// Replaces each placeholder of a template, from left to right, so that no value is searched for placeholders.
pub(crate) fn fill(template: &str, parts: &[Part]) -> String {
    let mut page = String::new();
    let mut rest = template;
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

/// Text as HTML.
pub(crate) fn escape(text: &str) -> String {
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
