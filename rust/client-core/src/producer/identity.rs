//! The producer's id, which makes its batches idempotent: asked for once, and again when a
//! partition has used up its epochs.

use base::{ErrorCode, Instant, ProducerEpoch, ProducerId, Rng};
use wire::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use crate::backoff::Backoff;
use crate::request::{RequestError, RequestId};

/// Where the asking stands.
#[derive(Debug)]
pub(super) struct Identity {
    state: State,
    failures: u32,
    backoff: Backoff,
}

#[derive(Debug)]
enum State {
    NotNeeded,
    Needed { not_before: Instant },
    Asking(RequestId),
    Known(ProducerId, ProducerEpoch),
}

impl Identity {
    pub(super) fn new(idempotence: bool, backoff: Backoff) -> Self {
        let not_before = Instant::default();
        let state = if idempotence { State::Needed { not_before } } else { State::NotNeeded };
        Self { state, failures: 0, backoff }
    }

    /// When to ask, if it is to be asked for.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.state {
            State::Needed { not_before } => Some(not_before),
            _ => None,
        }
    }

    pub(super) fn request() -> InitProducerIdRequest {
        InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: i32::MAX, // there is no transaction to time out
            ..Default::default()
        }
    }

    pub(super) fn asked(&mut self, request: RequestId) {
        self.state = State::Asking(request);
    }

    pub(super) fn is_asking(&self, request: RequestId) -> bool {
        matches!(self.state, State::Asking(asked) if asked == request)
    }

    /// The answer. `Err` says why there will never be an id.
    pub(super) fn handle(
        &mut self,
        response: Result<InitProducerIdResponse, RequestError>,
        now: Instant,
        rng: &mut dyn Rng,
    ) -> Result<(), String> {
        let (retriable, reason) = match response {
            Ok(answer) => match ErrorCode::from_code(answer.error_code) {
                Some(ErrorCode::None) => {
                    let epoch = ProducerEpoch(answer.producer_epoch);
                    self.state = State::Known(ProducerId(answer.producer_id), epoch);
                    self.failures = 0;
                    return Ok(());
                }
                Some(code) => (code.is_retriable(), code.name().to_owned()),
                None => (false, format!("error {}", answer.error_code)),
            },
            Err(error) => (error.is_retriable(), error.to_string()),
        };
        if !retriable {
            return Err(format!(
                "it has no producer id ({reason}); enable.idempotence=false does without"
            ));
        }
        self.failures = self.failures.saturating_add(1);
        let not_before = now + self.backoff.wait(self.failures, rng);
        self.state = State::Needed { not_before };
        Ok(())
    }

    /// A partition has used up the epochs of `id`: from now on there is another.
    pub(super) fn renew(&mut self, id: ProducerId) {
        if matches!(self.state, State::Known(known, _) if known == id) {
            self.state = State::Needed { not_before: Instant::default() };
        }
    }

    /// The id to stamp new batches with; `Err` while it is not known yet.
    pub(super) fn current(&self) -> Result<Option<(ProducerId, ProducerEpoch)>, ()> {
        match self.state {
            State::NotNeeded => Ok(None),
            State::Known(id, epoch) => Ok(Some((id, epoch))),
            State::Needed { .. } | State::Asking(_) => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base::{NodeId, SplitMix64};

    use super::*;

    fn identity() -> Identity {
        let backoff = Backoff { initial: Duration::from_millis(100), max: Duration::from_secs(1) };
        Identity::new(true, backoff)
    }

    #[test]
    fn an_id_is_asked_for_again_after_a_while_and_then_kept() {
        let mut identity = identity();
        let mut rng = SplitMix64::new(1);
        assert_eq!(identity.due(), Some(Instant(0)));
        identity.asked(RequestId(1));
        assert_eq!((identity.due(), identity.current()), (None, Err(())));
        let lost = RequestError::Disconnected { node: NodeId(1), reason: "gone".into() };
        assert_eq!(identity.handle(Err(lost), Instant(0), &mut rng), Ok(()));
        assert!(identity.due() > Some(Instant(0)));
        identity.asked(RequestId(2));
        let answer = InitProducerIdResponse { producer_id: 9, ..Default::default() };
        assert_eq!(identity.handle(Ok(answer), Instant(0), &mut rng), Ok(()));
        assert_eq!(identity.current(), Ok(Some((ProducerId(9), ProducerEpoch(0)))));
        identity.renew(ProducerId(8));
        assert_eq!(identity.due(), None);
        identity.renew(ProducerId(9));
        assert_eq!(identity.due(), Some(Instant(0)));
    }

    #[test]
    fn a_refusal_is_final_and_says_what_to_do() {
        let error_code = ErrorCode::ClusterAuthorizationFailed as i16;
        let answer = InitProducerIdResponse { error_code, ..Default::default() };
        let mut rng = SplitMix64::new(1);
        let reason = identity().handle(Ok(answer), Instant(0), &mut rng).unwrap_err();
        assert!(reason.contains("CLUSTER_AUTHORIZATION_FAILED"), "{reason}");
        assert!(reason.contains("enable.idempotence=false"), "{reason}");
    }
}
