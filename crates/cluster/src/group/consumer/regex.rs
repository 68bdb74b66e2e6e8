//! Subscriptions by regular expression (KIP-848). The coordinator resolves them beside the requests, for a whole group
//! at once, and keeps what came out of it.

use std::collections::{BTreeMap, BTreeSet};

use kafka_sim_core::ErrorCode;
use regex::bytes::{Regex, RegexBuilder};

use super::super::records::{Change, Resolved};
use super::super::words::Text;
use super::draft::{Draft, Refused, RegexChange};
use super::{ConsumerGroup, ConsumerMember, Readers, count};
use crate::peer::MetadataImage;

/// Milliseconds between two refreshes of a group at least.
const MIN_REFRESH_INTERVAL_MS: i64 = 10_000;

impl Draft<'_, '_> {
    /// A member's regular expression may have changed, or it is time to resolve those of the group again.
    pub(crate) fn update_regex(
        &mut self,
        member: &ConsumerMember,
        updated: &ConsumerMember,
    ) -> Result<RegexChange, Refused> {
        let group = self.group;
        let (old, new) = (member.regex(), updated.regex());
        let mut change = RegexChange::No;
        let mut refresh = false;
        if member.metadata.regex != updated.metadata.regex {
            change = RegexChange::Changed;
            if let Some(old) = old
                && group.regexes.get(old) == Some(&1)
            {
                self.changes.push(Change::Regex(old.clone(), None));
            }
            match new {
                Some(new) if !group.regexes.contains_key(new) => {
                    compile(new)?;
                    refresh = true;
                }
                Some(new) if group.resolved.contains_key(new) => change = RegexChange::ChangedAndResolved,
                Some(_) => {}
                None if old.is_some() => change = RegexChange::ChangedAndResolved,
                None => {}
            }
        }
        if !refresh && group.regexes.is_empty() || group.is_resolving {
            return Ok(change);
        }
        let last = group.resolved.values().next();
        let (last_ms, last_version) = last.map_or((i64::MIN, 0), |resolved| (resolved.at_ms, resolved.version));
        let age_ms = self.act.now_ms.saturating_sub(last_ms);
        if age_ms <= MIN_REFRESH_INTERVAL_MS {
            return Ok(change);
        }
        let mut regexes = group.regexes.clone();
        old.inspect(|old| count(&mut regexes, old, false));
        new.inspect(|new| count(&mut regexes, new, true));
        refresh |= regexes.len() != group.resolved.len();
        refresh |= last_version < self.topics_version;
        refresh |= age_ms > i64::from(self.act.config.group_consumer_regex_refresh_interval_ms);
        self.resolve = refresh && !regexes.is_empty();
        Ok(change)
    }

    /// Resolves the group's regular expressions. The epoch rises if they stand for other topics than before.
    pub(crate) fn resolve(&mut self) {
        let group = self.group;
        let image = self.act.image;
        let mut readers = group.readers.clone();
        let (mut raise, none) = (false, BTreeSet::new());
        for regex in group.regexes.keys() {
            // It was checked when a member came with it.
            let Ok(compiled) = compile(regex) else { continue };
            let resolved = Resolved {
                topics: matching(&compiled, image),
                version: self.act.version,
                at_ms: self.act.now_ms,
            };
            let before = group.resolved.get(regex).map_or(&none, |resolved| &resolved.topics);
            if *before != resolved.topics {
                raise = true;
                recount(&mut readers, before.iter(), false);
                recount(&mut readers, resolved.topics.iter(), true);
            }
            self.changes.push(Change::Regex(regex.clone(), Some(resolved)));
        }
        self.raise(raise, readers.keys());
    }
}

impl ConsumerGroup {
    /// Who reads what once `gone` are no members any more, and the regular expressions that nobody is left for.
    pub(crate) fn readers_without(&self, gone: &[&ConsumerMember]) -> (BTreeMap<Text, Readers>, BTreeSet<Text>) {
        let mut readers = self.readers.clone();
        let mut regexes = self.regexes.clone();
        for member in gone {
            for topic in &member.metadata.topics {
                recount_names(&mut readers, topic);
            }
            member.regex().inspect(|regex| count(&mut regexes, regex, false));
        }
        let unused = self.regexes.keys().filter(|regex| !regexes.contains_key(*regex));
        let unused: BTreeSet<Text> = unused.cloned().collect();
        for resolved in unused.iter().filter_map(|regex| self.resolved.get(regex)) {
            recount(&mut readers, resolved.topics.iter(), false);
        }
        (readers, unused)
    }
}

fn recount<'t>(readers: &mut BTreeMap<Text, Readers>, topics: impl Iterator<Item = &'t Text>, more: bool) {
    for topic in topics {
        let entry = readers.entry(topic.clone()).or_default();
        entry.by_regex = if more {
            entry.by_regex + 1
        } else {
            entry.by_regex.saturating_sub(1)
        };
        if entry.is_none() {
            readers.remove(topic);
        }
    }
}

fn recount_names(readers: &mut BTreeMap<Text, Readers>, topic: &Text) {
    if let Some(entry) = readers.get_mut(topic) {
        entry.by_name = entry.by_name.saturating_sub(1);
        if entry.is_none() {
            readers.remove(topic);
        }
    }
}

/// INVALID_REGULAR_EXPRESSION if it is not one. The whole name of a topic has to match. Names are ASCII, and so are the
/// classes.
fn compile(regex: &str) -> Result<Regex, Refused> {
    // On its own first, so that a parenthesis too many does not get past.
    let build = |pattern: &str| RegexBuilder::new(pattern).unicode(false).build();
    build(regex)
        .and_then(|_| build(&format!("^(?:{regex})$")))
        .map_err(|error| {
            let message = format!("SubscribedTopicRegex `{regex}` is not a valid regular expression: {error}.");
            Refused::new(ErrorCode::INVALID_REGULAR_EXPRESSION, message)
        })
}

fn matching(regex: &Regex, image: &MetadataImage) -> BTreeSet<Text> {
    let names = image.names.keys().filter(|name| regex.is_match(name.as_bytes()));
    names.cloned().collect()
}
