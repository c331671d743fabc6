//! `.kafka_cleanshutdown`: the last thing that a stopping directory writes, so that the next start
//! need not scan segments.
//!
//! Its content, `{"version":0,"brokerEpoch":7}`, lets a broker show that its last stop was clean
//! (KIP-966).

use std::io;
use std::path::Path;

use base::BrokerEpoch;

use crate::checkpoint_file::replace;
use crate::disk::{Disk, Open};

const FILE_NAME: &str = ".kafka_cleanshutdown";

const FILE_BYTES_MAX: u64 = 64 * 1024;

/// How the directory was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastShutdown {
    /// Everything was synced and checkpointed, or the directory is new.
    Clean {
        /// The broker's last epoch, -1 if it is not known.
        broker_epoch: BrokerEpoch,
    },
    /// The process or the machine went down.
    Unclean,
}

/// Leaves the marker, durably.
pub(crate) fn write(
    disk: &dyn Disk,
    directory: &Path,
    broker_epoch: BrokerEpoch,
) -> io::Result<()> {
    let text = format!(r#"{{"version":0,"brokerEpoch":{broker_epoch}}}"#);
    replace(disk, &directory.join(FILE_NAME), text.as_bytes())
}

/// Reads the marker. As for Kafka its presence is what counts: an epoch that cannot be read is
/// unknown.
pub(crate) fn read(disk: &dyn Disk, directory: &Path) -> io::Result<LastShutdown> {
    let file = match disk.open(&directory.join(FILE_NAME), Open::Existing) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(LastShutdown::Unclean),
        Err(error) => return Err(error),
    };
    let text = String::from_utf8_lossy(&file.read_all(FILE_BYTES_MAX)?).into_owned();
    let broker_epoch = BrokerEpoch(broker_epoch(&text).unwrap_or(-1));
    Ok(LastShutdown::Clean { broker_epoch })
}

/// Takes the marker away, durably: from now on the directory is in use.
pub(crate) fn remove(disk: &dyn Disk, directory: &Path) -> io::Result<()> {
    match disk.remove(&directory.join(FILE_NAME)) {
        Ok(()) => disk.sync_dir(directory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn broker_epoch(text: &str) -> Option<i64> {
    let (_, value) = text.split_once("\"brokerEpoch\"")?;
    let value = value.trim_start().strip_prefix(':')?.trim_start();
    value.split([',', '}']).next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{FaultyDisk, Survivors};

    const DATA: &str = "/data";

    fn disk() -> FaultyDisk {
        let disk = FaultyDisk::new();
        disk.create_dir_all(Path::new(DATA)).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        disk
    }

    #[test]
    fn the_marker_survives_a_power_cut_and_so_does_its_removal() {
        let disk = disk();
        write(&disk, Path::new(DATA), BrokerEpoch(7)).unwrap();
        let disk = disk.after_crash(&Survivors::synced(&disk));
        let clean = LastShutdown::Clean { broker_epoch: BrokerEpoch(7) };
        assert_eq!(read(&disk, Path::new(DATA)).unwrap(), clean);
        remove(&disk, Path::new(DATA)).unwrap();
        let disk = disk.after_crash(&Survivors::synced(&disk));
        assert_eq!(read(&disk, Path::new(DATA)).unwrap(), LastShutdown::Unclean);
        remove(&disk, Path::new(DATA)).expect("nothing to remove is no error");
    }

    #[test]
    fn a_marker_as_kafka_writes_it_is_read() {
        assert_eq!(broker_epoch(r#"{"version":0,"brokerEpoch":15}"#), Some(15));
        assert_eq!(broker_epoch(r#"{ "brokerEpoch" : -1, "version" : 0 }"#), Some(-1));
        for text in ["", "{}", r#"{"brokerEpoch":}"#, r#"{"brokerEpoch" 3}"#] {
            assert_eq!(broker_epoch(text), None, "{text}");
        }
    }
}
