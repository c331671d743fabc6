//! Along a log the leader epochs never go down: a record of an earlier leader never follows one of
//! a later (KIP-101, KIP-320; Raft, Ongaro and Ousterhout 2014, section 5.3).

use crate::history::History;

pub(crate) fn check(history: &History) -> Result<(), String> {
    for log in history.logs.values() {
        for pair in log.records.windows(2) {
            if pair[0].leader_epoch > pair[1].leader_epoch {
                return Err(format!("{:?} comes before {:?}", pair[0], pair[1]));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::examples;

    #[test]
    fn an_epoch_below_the_one_before_it_is_noticed() {
        let mut history = examples::history();
        examples::log(&mut history).records[1].leader_epoch = 4;
        assert!(check(&history).is_err());
        examples::log(&mut history).records[2].leader_epoch = 4;
        assert_eq!(check(&history), Ok(()));
    }
}
