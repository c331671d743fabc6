//! `meta.properties`: whose log directory this is (KIP-631, KIP-858).

use std::io;
use std::path::{Path, PathBuf};

use base::{DirectoryId, NodeId, Rng, Uuid};
use thiserror::Error;

use crate::checkpoint_file::replace;
use crate::disk::{Disk, Open};

/// Its name in the log directory.
const FILE_NAME: &str = "meta.properties";

/// The file has four short lines.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Whose a log directory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaProperties {
    /// The cluster.
    pub cluster_id: String,
    /// The node in it.
    pub node_id: NodeId,
    /// The directory itself.
    pub directory_id: DirectoryId,
}

/// Who opens a log directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The node.
    pub node_id: NodeId,
    /// The cluster that it must belong to; `None` takes what the directory says, or founds one.
    pub cluster_id: Option<String>,
}

/// Why `meta.properties` keeps a directory closed.
#[derive(Debug, Error)]
pub enum MetaPropertiesError {
    /// The disk failed.
    #[error("cannot read or write {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The disk's words.
        source: io::Error,
    },
    /// A line is missing or says something else than it should.
    #[error("{} is malformed: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The directory belongs to somebody else.
    #[error(
        "{} names {key} {found}, this broker has {expected}: it is another's directory; start with \
         {key}={found} if it is yours, or choose another one",
        path.display()
    )]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Which key differs.
        key: &'static str,
        /// What the file says.
        found: String,
        /// What it should say.
        expected: String,
    },
}

impl MetaProperties {
    /// Whether the directory has an owner.
    pub(crate) fn exists(disk: &dyn Disk, directory: &Path) -> io::Result<bool> {
        match disk.open(&directory.join(FILE_NAME), Open::Existing) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads the file and holds it against `identity`; on the first start, makes it with ids from
    /// `rng`.
    pub(crate) fn claim(
        disk: &dyn Disk,
        directory: &Path,
        identity: &Identity,
        rng: &mut dyn Rng,
    ) -> Result<Self, MetaPropertiesError> {
        let path = directory.join(FILE_NAME);
        let io = |source| MetaPropertiesError::Io { path: path.clone(), source };
        let file = match disk.open(&path, Open::Existing) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let founded = Self {
                    cluster_id: identity
                        .cluster_id
                        .clone()
                        .unwrap_or_else(|| Uuid::random(rng).to_string()),
                    node_id: identity.node_id,
                    directory_id: DirectoryId(Uuid::random(rng)),
                };
                replace(disk, &path, founded.text().as_bytes()).map_err(io)?;
                return Ok(founded);
            }
            Err(error) => return Err(io(error)),
        };
        let bytes = file.read_all(FILE_BYTES_MAX).map_err(io)?;
        let found = Self::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|what| MetaPropertiesError::Malformed { path: path.clone(), what })?;
        found.check(identity, path)?;
        Ok(found)
    }

    fn check(&self, identity: &Identity, path: PathBuf) -> Result<(), MetaPropertiesError> {
        let mismatch = |key, found: &dyn ToString, expected: &dyn ToString| {
            let (found, expected) = (found.to_string(), expected.to_string());
            Err(MetaPropertiesError::Mismatch { path, key, found, expected })
        };
        if self.node_id != identity.node_id {
            return mismatch("node.id", &self.node_id, &identity.node_id);
        }
        match &identity.cluster_id {
            Some(expected) if *expected != self.cluster_id => {
                mismatch("cluster.id", &self.cluster_id, expected)
            }
            _ => Ok(()),
        }
    }

    fn text(&self) -> String {
        let Self { cluster_id, node_id, directory_id } = self;
        format!(
            "version=1\ncluster.id={cluster_id}\nnode.id={node_id}\ndirectory.id={directory_id}\n"
        )
    }

    fn parse(text: &str) -> Result<Self, String> {
        let value = |key: &str| {
            let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '!']));
            let mut pairs = lines.filter_map(|line| line.split_once('='));
            let pair = pairs.find(|(found, _)| found.trim() == key);
            pair.map(|(_, value)| value.trim()).ok_or_else(|| format!("it lacks `{key}`"))
        };
        if value("version")? != "1" {
            return Err(format!("version {} is not known, only 1", value("version")?));
        }
        let node_id = value("node.id")?;
        let node_id = node_id.parse().map_err(|_| format!("`{node_id}` is no node id"))?;
        let directory_id = value("directory.id")?.parse().map_err(|error| format!("{error}"))?;
        Ok(Self {
            cluster_id: value("cluster.id")?.to_owned(),
            node_id: NodeId(node_id),
            directory_id: DirectoryId(directory_id),
        })
    }
}

#[cfg(test)]
mod tests {
    use base::SplitMix64;

    use super::*;
    use crate::disk::MemoryDisk;

    fn claim(
        disk: &MemoryDisk,
        node_id: i32,
        cluster_id: Option<&str>,
    ) -> Result<MetaProperties, String> {
        disk.create_dir_all(Path::new("/data")).unwrap();
        let identity =
            Identity { node_id: NodeId(node_id), cluster_id: cluster_id.map(str::to_owned) };
        let mut rng = SplitMix64::new(1);
        MetaProperties::claim(disk, Path::new("/data"), &identity, &mut rng)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_start_names_the_directory_and_the_second_finds_the_names() {
        let disk = MemoryDisk::new(1 << 20);
        let first = claim(&disk, 1, None).expect("made");
        assert_eq!(claim(&disk, 1, None), Ok(first.clone()));
        assert_eq!(claim(&disk, 1, Some(&first.cluster_id)), Ok(first));
    }

    #[test]
    fn another_nodes_or_clusters_directory_is_refused_by_name() {
        let disk = MemoryDisk::new(1 << 20);
        claim(&disk, 1, Some("ours")).expect("made");
        let error = claim(&disk, 2, None).expect_err("another node");
        assert!(error.contains("names node.id 1, this broker has 2"), "{error}");
        let error = claim(&disk, 1, Some("theirs")).expect_err("another cluster");
        assert!(error.contains("names cluster.id ours, this broker has theirs"), "{error}");
    }

    #[test]
    fn a_file_as_kafka_writes_it_is_read() {
        let text = "#\n#Sat Nov 21 10:00:00 UTC 2026\ncluster.id=q1Sh-9_ISia_zwGINzRvyQ\n\
                    directory.id=MkU3OEVBNTcwNTJENDM2Qg\nnode.id=4\nversion=1\n";
        let meta = MetaProperties::parse(text).expect("well-formed");
        assert_eq!(meta.cluster_id, "q1Sh-9_ISia_zwGINzRvyQ");
        assert_eq!(meta.node_id, NodeId(4));
        assert_eq!(meta.directory_id.to_string(), "MkU3OEVBNTcwNTJENDM2Qg");
        assert_eq!(MetaProperties::parse(&meta.text()), Ok(meta));
    }

    #[test]
    fn a_malformed_file_is_refused_with_what_is_wrong() {
        for (text, what) in [
            ("", "it lacks `version`"),
            ("version=0\n", "version 0 is not known"),
            ("version=1\nnode.id=x\n", "`x` is no node id"),
            ("version=1\nnode.id=1\ndirectory.id=short\n", "`short` is not an id"),
            ("version=1\nnode.id=1\ndirectory.id=MkU3OEVBNTcwNTJENDM2Qg\n", "`cluster.id`"),
        ] {
            let error = MetaProperties::parse(text).expect_err(text);
            assert!(error.contains(what), "{error}");
        }
    }
}
