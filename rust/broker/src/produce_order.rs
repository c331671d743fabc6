//! Keeps the requests of each transactional producer in order while some of them wait for the
//! coordinator of the transaction: what comes later must not be appended sooner.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Who comes next, by transactional id; those of whom nobody waits are not in it.
#[derive(Debug, Default)]
pub(crate) struct ProduceOrder {
    waiting: Mutex<BTreeMap<String, Last>>,
}

/// The last one of those who wait.
#[derive(Debug)]
struct Last {
    number: u64,
    /// Ends when it has had its turn.
    over: oneshot::Receiver<()>,
}

/// A request's place in the order of its producer's. To drop it is to be done, or to give it up.
#[derive(Debug)]
pub(crate) struct Turn {
    order: Arc<ProduceOrder>,
    transactional_id: String,
    number: u64,
    before: Option<oneshot::Receiver<()>>,
    /// Whoever comes next waits until this is dropped.
    _over: oneshot::Sender<()>,
}

impl ProduceOrder {
    /// Whether nobody of this producer waits: then there is no need for a turn.
    pub(crate) fn is_idle(&self, transactional_id: &str) -> bool {
        !self.waiting.lock().contains_key(transactional_id)
    }

    /// Takes a place behind everybody who has taken one before.
    pub(crate) fn take_turn(self: &Arc<Self>, transactional_id: &str) -> Turn {
        let (over_sender, over) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        let before = waiting.remove(transactional_id);
        let number = before.as_ref().map_or(0, |before| before.number + 1);
        waiting.insert(transactional_id.to_owned(), Last { number, over });
        Turn {
            order: Arc::clone(self),
            transactional_id: transactional_id.to_owned(),
            number,
            before: before.map(|before| before.over),
            _over: over_sender,
        }
    }
}

impl Turn {
    /// Waits until whoever came before is done.
    pub(crate) async fn comes(&mut self) {
        if let Some(before) = &mut self.before {
            // It never sends; it only ends.
            drop(before.await);
            self.before = None;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut waiting = self.order.waiting.lock();
        if waiting.get(&self.transactional_id).is_some_and(|last| last.number == self.number) {
            waiting.remove(&self.transactional_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// Whether it is this one's turn.
    async fn has_come(turn: &mut Turn) -> bool {
        timeout(Duration::ZERO, turn.comes()).await.is_ok()
    }

    #[tokio::test]
    async fn requests_of_one_producer_come_one_after_the_other() {
        let order = Arc::new(ProduceOrder::default());
        assert!(order.is_idle("t"));
        let mut first = order.take_turn("t");
        assert!(!order.is_idle("t") && order.is_idle("u"));
        let mut second = order.take_turn("t");
        let mut third = order.take_turn("t");
        assert!(has_come(&mut first).await);
        assert!(!has_come(&mut second).await);
        drop(first);
        assert!(has_come(&mut second).await);
        assert!(!has_come(&mut third).await);
        drop(second);
        assert!(has_come(&mut third).await);
        drop(third);
        assert!(order.is_idle("t"));
        assert!(has_come(&mut order.take_turn("t")).await);
    }

    #[tokio::test]
    async fn producers_do_not_wait_for_each_other() {
        let order = Arc::new(ProduceOrder::default());
        let _first = order.take_turn("t");
        assert!(has_come(&mut order.take_turn("u")).await);
    }
}
