//! What a poll returned, and how far it has been processed.

use std::collections::{BTreeMap, VecDeque};

use kafka_sim_core::TopicPartition;

use super::task::Item;

/// The records of a poll.
#[derive(Clone, Default, Debug)]
pub(super) struct Batch {
    /// Not begun, where records are taken from here one after the other.
    left: VecDeque<Item>,
    /// The first offset of each partition.
    first: BTreeMap<TopicPartition, i64>,
    /// The offset after the last one that went well, of each partition; only where records are taken in order.
    done: BTreeMap<TopicPartition, i64>,
    /// A handler has failed.
    pub(super) spoilt: bool,
}

impl Batch {
    pub(super) fn of(items: Vec<Item>) -> Batch {
        let mut first = BTreeMap::new();
        for item in &items {
            first.entry(item.tp.clone()).or_insert(item.offset);
        }
        Batch {
            left: items.into(),
            first,
            ..Batch::default()
        }
    }

    /// Records that others take.
    pub(super) fn handed_out(items: &[Item]) -> Batch {
        Batch {
            left: VecDeque::new(),
            ..Batch::of(items.to_vec())
        }
    }

    /// How many records have not been begun.
    pub(super) fn left(&self) -> usize {
        self.left.len()
    }

    /// The next record.
    pub(super) fn take(&mut self) -> Option<Item> {
        self.left.pop_front()
    }

    /// A record went well.
    pub(super) fn did(&mut self, item: &Item) {
        self.done.insert(item.tp.clone(), item.offset + 1);
    }

    /// The offsets up to which all went well.
    pub(super) fn done(&self) -> Vec<(TopicPartition, i64)> {
        self.done.iter().map(|(tp, next)| (tp.clone(), *next)).collect()
    }

    /// Where each partition has to be read again from the beginning of the batch.
    pub(super) fn first(&self) -> Vec<(TopicPartition, i64)> {
        self.first.iter().map(|(tp, first)| (tp.clone(), *first)).collect()
    }

    /// Where each partition has to be read again from what has not gone well.
    pub(super) fn undone(&self) -> Vec<(TopicPartition, i64)> {
        let undone = |(tp, first): (&TopicPartition, &i64)| (tp.clone(), self.done.get(tp).copied().unwrap_or(*first));
        self.first.iter().map(undone).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(partition: i32, offset: i64) -> Item {
        Item {
            tp: TopicPartition::new("orders", partition),
            offset,
            message: None,
        }
    }

    #[test]
    fn what_has_not_gone_well_begins_at_the_record_that_failed_or_at_the_first() {
        let mut batch = Batch::of(vec![item(0, 5), item(0, 6), item(1, 2)]);
        let well = batch.take().expect("there are three");
        batch.did(&well);
        batch.take().expect("there are three");
        let [orders_0, orders_1] = [0, 1].map(|partition| TopicPartition::new("orders", partition));
        assert_eq!(batch.done(), [(orders_0.clone(), 6)]);
        assert_eq!(batch.undone(), [(orders_0.clone(), 6), (orders_1.clone(), 2)]);
        assert_eq!(batch.first(), [(orders_0, 5), (orders_1, 2)]);
    }
}
