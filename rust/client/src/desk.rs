//! Where questions to the cluster are asked and their answers handed over, beside whatever else a
//! client does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::{Clock, Instant};
use client_core::admin::{Each, find_coordinators};
use client_core::coordinator_survey::{CoordinatorRound, CoordinatorSurvey};
use client_core::inquiry::{Inquiry, InquiryError, Progress};
use client_core::survey::{Round, Survey};
use client_core::{Answer, Cluster, OutgoingRequest, RequestError, RequestId};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use wire::Request;

/// A client's questions under way.
#[derive(Debug)]
pub(crate) struct Desk {
    waiters: Mutex<BTreeMap<RequestId, oneshot::Sender<Result<Answer, RequestError>>>>,
    /// Notified when something has happened to the machine: whoever waits for a connection looks
    /// again.
    moved: Notify,
    /// Something has happened on a connection since the machine was last driven.
    has_news: AtomicBool,
    pub(crate) kick: Arc<Notify>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A client whose machine has a cluster to ask.
pub(crate) trait Asks {
    fn desk(&self) -> &Desk;

    /// Runs `act` on the machine's cluster, under its lock.
    fn with_cluster<R>(&self, act: impl FnOnce(&mut Cluster) -> R) -> R;
}

impl Desk {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            waiters: Mutex::default(),
            moved: Notify::new(),
            has_news: AtomicBool::new(false),
            kick: Arc::default(),
            clock,
        }
    }

    /// Hands an answer over. Whoever has stopped waiting need not know.
    pub(crate) fn answer(&self, request: RequestId, result: Result<Answer, RequestError>) {
        if let Some(waiter) = self.waiters.lock().remove(&request) {
            let _ = waiter.send(result);
        }
    }

    /// Something has happened on a connection; the machine will be driven.
    pub(crate) fn heard(&self) {
        self.has_news.store(true, Ordering::Relaxed);
    }

    /// The machine was driven, and had something to do if `acted`. Without that and without news
    /// nobody is woken: whoever looks again has the machine driven again, and the two would keep
    /// each other awake until there is a connection.
    pub(crate) fn driven(&self, acted: bool) {
        if self.has_news.swap(false, Ordering::Relaxed) || acted {
            self.moved.notify_waiters();
        }
    }

    /// Waits until `done`, which is looked at whenever something happens to the machine. Whether it
    /// came to be so before `until`.
    pub(crate) async fn until(&self, until: Instant, mut done: impl FnMut() -> bool) -> bool {
        loop {
            let moved = self.moved.notified();
            if done() {
                return true;
            }
            if until <= self.clock.now() {
                return false;
            }
            self.kick.notify_one();
            self.pause(until, moved).await;
        }
    }

    /// Waits until `until`, or until something happens to the machine.
    async fn pause(&self, until: Instant, moved: tokio::sync::futures::Notified<'_>) {
        let left = until.since(self.clock.now());
        let _ = tokio::time::timeout(left, moved).await; // either way it is time to look again
    }
}

/// Asks one question.
pub(crate) async fn ask<C: Asks, R: Request + OutgoingRequest, A>(
    client: &C,
    mut inquiry: Inquiry<R, A>,
) -> Result<A, InquiryError> {
    let desk = client.desk();
    loop {
        let moved = desk.moved.notified();
        // The waiter is in its place before the lock is let go, and so before the driver can see
        // the answer.
        let (progress, answer) = client.with_cluster(|cluster| {
            let progress = inquiry.poll(cluster, desk.clock.now());
            let answer = match &progress {
                Progress::Sent(id) => {
                    let (sender, receiver) = oneshot::channel();
                    desk.waiters.lock().insert(*id, sender);
                    Some(receiver)
                }
                _ => None,
            };
            (progress, answer)
        });
        desk.kick.notify_one();
        match (progress, answer) {
            (Progress::Over(result), _) => return result,
            (Progress::Wait(until), _) => desk.pause(until, moved).await,
            (Progress::Sent(_), answer) => {
                let answer = answer.expect("what was sent has a waiter");
                let Ok(result) = answer.await else { return Err(closed()) };
                let over = client
                    .with_cluster(|cluster| inquiry.handle(result, cluster, desk.clock.now()));
                if let Some(result) = over {
                    return result;
                }
            }
        }
    }
}

/// Asks about many partitions: `inquiry` makes the question to one leader, `read` finds a partition
/// in its answer.
pub(crate) async fn ask_leaders<C, R, A, V>(
    client: &C,
    mut survey: Survey<V>,
    inquiry: impl Fn(&Cluster, base::NodeId, &[(base::TopicPartition, i64)]) -> Inquiry<R, A>,
    read: impl Fn(&A, &base::TopicPartition) -> Result<V, base::ErrorCode>,
) -> BTreeMap<base::TopicPartition, Result<V, InquiryError>>
where
    C: Asks,
    R: Request + OutgoingRequest,
{
    let desk = client.desk();
    loop {
        let moved = desk.moved.notified();
        let round = client.with_cluster(|cluster| survey.poll(cluster, desk.clock.now()));
        desk.kick.notify_one();
        match round {
            Round::Over(results) => return results,
            Round::Wait(until) => desk.pause(until, moved).await,
            Round::Ask(leaders) => {
                for (leader, partitions) in leaders {
                    let question =
                        client.with_cluster(|cluster| inquiry(cluster, leader, &partitions));
                    let answer = ask(client, question).await;
                    client.with_cluster(|cluster| {
                        for (partition, _) in partitions {
                            let value = match &answer {
                                Ok(answer) => read(answer, &partition),
                                Err(error) => {
                                    Err(error.code().unwrap_or(base::ErrorCode::UnsupportedVersion))
                                }
                            };
                            survey.take(partition, value, cluster);
                        }
                    });
                }
            }
        }
    }
}

/// Asks about many keys, be they groups or transactional ids: `inquiry` makes the question to one
/// coordinator, `read` finds every key in its answer.
pub(crate) async fn ask_coordinators<C, R, A, V>(
    client: &C,
    mut survey: CoordinatorSurvey<V>,
    inquiry: impl Fn(&Cluster, base::NodeId, &[String], Duration) -> Inquiry<R, A>,
    read: impl Fn(A, &[String]) -> Each<String, V>,
) -> BTreeMap<String, Result<V, InquiryError>>
where
    C: Asks,
    R: Request + OutgoingRequest,
{
    let desk = client.desk();
    loop {
        let moved = desk.moved.notified();
        let round = client.with_cluster(|cluster| survey.poll(cluster, desk.clock.now()));
        desk.kick.notify_one();
        match round {
            CoordinatorRound::Over(results) => return results,
            CoordinatorRound::Wait(until) => desk.pause(until, moved).await,
            CoordinatorRound::Find(keys, timeout) => {
                let found = ask(client, find_coordinators(survey.kind(), &keys, timeout)).await;
                for (key, node) in found.unwrap_or_else(|error| of_each(&keys, &error)) {
                    survey.found(&key, node);
                }
            }
            CoordinatorRound::Ask(coordinators, timeout) => {
                for (node, keys) in coordinators {
                    let question =
                        client.with_cluster(|cluster| inquiry(cluster, node, &keys, timeout));
                    let answer = match ask(client, question).await {
                        Ok(answer) => read(answer, &keys),
                        Err(error) => of_each(&keys, &error),
                    };
                    for (key, result) in answer {
                        survey.take(&key, result);
                    }
                }
            }
        }
    }
}

/// What went wrong with a question went wrong with each key that it was about.
fn of_each<V>(keys: &[String], error: &InquiryError) -> Each<String, V> {
    keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect()
}

fn closed() -> InquiryError {
    InquiryError::Impossible("the client was closed".into())
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use base::SystemClock;

    use super::*;

    /// Whether somebody who waits is woken by what is told meanwhile.
    fn wakes(desk: &Desk, tell: impl FnOnce(&Desk)) -> bool {
        let moved = pin!(desk.moved.notified());
        tell(desk);
        moved.enable()
    }

    #[test]
    fn whoever_waits_is_woken_by_news_and_by_acts_but_not_by_having_looked() {
        let desk = Desk::new(Arc::new(SystemClock));
        assert!(!wakes(&desk, |desk| desk.driven(false)));
        assert!(wakes(&desk, |desk| desk.driven(true)));
        assert!(!wakes(&desk, Desk::heard), "what was heard has to be acted on first");
        assert!(wakes(&desk, |desk| desk.driven(false)));
        assert!(!wakes(&desk, |desk| desk.driven(false)), "the news is old");
    }
}
