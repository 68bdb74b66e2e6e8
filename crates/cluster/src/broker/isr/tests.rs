use std::sync::Arc;

use kafka_sim_core::{Seed, SmallMap, TopicPartition};

use super::super::{BrokerSpec, Effect, Leading};
use super::*;
use crate::cluster::Gate;
use crate::config::BrokerConfig;
use crate::disk::{Disk, DiskConfig};
use crate::log::{Log, LogConfig, OpenOptions};
use crate::peer::FromController;

const ORDERS: Tp = Tp {
    topic: uuid::Uuid::from_u128(1),
    partition: 0,
};

/// Broker 0 leads, and is its own ISR.
fn state(partition_epoch: i32) -> PartitionState {
    PartitionState {
        replicas: vec![BrokerId(0), BrokerId(1), BrokerId(2)],
        isr: vec![BrokerId(0)],
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        leader: Some(BrokerId(0)),
        leader_epoch: 1,
        partition_epoch,
        recovering: false,
    }
}

struct Bench {
    disk: Disk,
    effects: Vec<Effect>,
    gate: Gate,
}

impl Bench {
    fn ctx(&mut self) -> Ctx<'_> {
        Ctx {
            now: SimTime::ZERO,
            now_ms: 0,
            disk: &mut self.disk,
            effects: &mut self.effects,
            gate: &mut self.gate,
        }
    }

    /// The proposals that were sent so far, with the numbers of their requests.
    fn sent(&self) -> Vec<(u64, Vec<i32>)> {
        let sent = self.effects.iter().filter_map(|effect| match effect {
            Effect::ToController {
                id,
                message: ToController::AlterPartition { proposals, .. },
            } => Some((*id, proposals[0].isr.iter().map(|(broker, _)| broker.0).collect())),
            _ => None,
        });
        sent.collect()
    }
}

fn leader(bench: &mut Bench) -> Broker {
    let spec = BrokerSpec {
        id: BrokerId(0),
        rack: None,
        cluster_id: Arc::from("test"),
        listeners: Arc::from([]),
        config: BrokerConfig::default(),
        #[cfg(feature = "mutants")]
        mutant: None,
    };
    let mut broker = Broker::start(Arc::new(spec), 1, Seed(1), &mut bench.ctx());
    broker.broker_epoch = 1;
    let options = OpenOptions {
        clean: true,
        recovery_point: 0,
        log_start: 0,
        now: SimTime::ZERO,
        now_ms: 0,
    };
    let (log, _) = Log::open(&mut bench.disk, "orders-0", LogConfig::default(), options).unwrap();
    let mut partition = Partition::new(ORDERS, TopicPartition::new("orders", 0), log, 0);
    partition.adopt(&state(0));
    partition.role = Role::Leader(Leading {
        epoch_start: 0,
        remotes: SmallMap::new(),
        unflushed: std::collections::VecDeque::new(),
        recovering: false,
    });
    broker.partitions.insert(ORDERS, partition);
    broker
}

#[test]
fn an_answer_that_a_metadata_update_has_overtaken_does_not_settle_the_next_proposal() {
    let mut bench = Bench {
        disk: Disk::new(DiskConfig::default()),
        effects: Vec::new(),
        gate: Gate::default(),
    };
    let mut broker = leader(&mut bench);
    broker.propose_isr(&mut bench.ctx(), ORDERS, vec![BrokerId(0), BrokerId(1)]);
    let (first, _) = bench.sent()[0];
    broker.take_role(&mut bench.ctx(), ORDERS, &state(1));
    broker.propose_isr(&mut bench.ctx(), ORDERS, vec![BrokerId(0), BrokerId(2)]);
    assert_eq!(bench.sent().len(), 1, "one request at a time");

    let refused = FromController::AlterPartition(Ok(vec![(ORDERS, Err(ErrorCode::INVALID_UPDATE_VERSION))]));
    broker.on_controller_answer(&mut bench.ctx(), first, refused);
    let sent: Vec<Vec<i32>> = bench.sent().into_iter().map(|(_, isr)| isr).collect();
    assert_eq!(sent, [vec![0, 1], vec![0, 2]]);
}
