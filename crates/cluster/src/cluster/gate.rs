//! Faults that swallow single requests or responses.

use kafka_sim_core::BrokerId;

use crate::fault::Filter;

/// What is still to be swallowed.
#[derive(Clone, Default, Debug)]
pub(crate) struct Gate {
    requests: Vec<Armed>,
    responses: Vec<Armed>,
}

#[derive(Clone, Debug)]
struct Armed {
    /// Which fault armed it.
    fault: usize,
    filter: Filter,
    /// The brokers its role named when it struck; `None`: any.
    brokers: Option<Vec<BrokerId>>,
    left: u32,
}

impl Gate {
    pub(super) fn arm_request(&mut self, fault: usize, filter: Filter, brokers: Option<Vec<BrokerId>>) {
        self.requests.push(Armed {
            fault,
            left: filter.count,
            filter,
            brokers,
        });
    }

    pub(super) fn arm_response(&mut self, fault: usize, filter: Filter, brokers: Option<Vec<BrokerId>>) {
        self.responses.push(Armed {
            fault,
            left: filter.count,
            filter,
            brokers,
        });
    }

    pub(super) fn disarm(&mut self, fault: usize) {
        self.requests.retain(|armed| armed.fault != fault);
        self.responses.retain(|armed| armed.fault != fault);
    }

    /// Whether this request is to be swallowed before it is handled.
    pub(crate) fn drops_request(&mut self, broker: BrokerId, api_key: i16, client_id: Option<&str>) -> bool {
        !self.requests.is_empty() && take(&mut self.requests, broker, api_key, client_id)
    }

    /// Whether the response to this request is to be swallowed.
    pub(super) fn drops_response(&mut self, broker: BrokerId, api_key: i16, client_id: Option<&str>) -> bool {
        !self.responses.is_empty() && take(&mut self.responses, broker, api_key, client_id)
    }
}

fn take(armed: &mut Vec<Armed>, broker: BrokerId, api_key: i16, client_id: Option<&str>) -> bool {
    let hit = armed.iter().position(|a| {
        a.left > 0 && a.filter.matches(api_key, client_id) && a.brokers.as_ref().is_none_or(|b| b.contains(&broker))
    });
    let Some(at) = hit else { return false };
    armed[at].left -= 1;
    if armed[at].left == 0 {
        armed.remove(at);
    }
    true
}
