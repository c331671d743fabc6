//! The one table of requests: key, name, versions, and the structs that hold them.

use std::fmt;

use base::codec::{Message, Versions};

use crate::header::{RequestHeader, ResponseHeader};

/// A request: the message that a client sends, with the one that answers it.
pub trait Request: Message {
    /// Which request it is.
    const API: ApiKey;
    /// What answers it.
    type Response: Message;
}

/// Where the first flexible version would stand: the request has none.
const NEVER: i16 = i16::MAX;

/// Hands the table to a macro, so that whatever must name every request is written once: the key,
/// the name, the versions that a broker advertises, the first of them that it serves, the first
/// flexible one, and the two structs.
macro_rules! for_each_api {
    ($macro:ident) => {
        $macro! {
            // key, name, advertised versions, first one served, first flexible one: messages
            0 Produce 0 - 13 3 9:
                ProduceRequest ProduceResponse,
            1 Fetch 4 - 18 4 12:
                FetchRequest FetchResponse,
            2 ListOffsets 1 - 11 1 6:
                ListOffsetsRequest ListOffsetsResponse,
            3 Metadata 0 - 13 0 9:
                MetadataRequest MetadataResponse,
            8 OffsetCommit 2 - 10 2 8:
                OffsetCommitRequest OffsetCommitResponse,
            9 OffsetFetch 1 - 10 1 6:
                OffsetFetchRequest OffsetFetchResponse,
            10 FindCoordinator 0 - 6 0 3:
                FindCoordinatorRequest FindCoordinatorResponse,
            11 JoinGroup 0 - 9 0 6:
                JoinGroupRequest JoinGroupResponse,
            12 Heartbeat 0 - 4 0 4:
                HeartbeatRequest HeartbeatResponse,
            13 LeaveGroup 0 - 5 0 4:
                LeaveGroupRequest LeaveGroupResponse,
            14 SyncGroup 0 - 5 0 4:
                SyncGroupRequest SyncGroupResponse,
            15 DescribeGroups 0 - 6 0 5:
                DescribeGroupsRequest DescribeGroupsResponse,
            16 ListGroups 0 - 5 0 3:
                ListGroupsRequest ListGroupsResponse,
            18 ApiVersions 0 - 4 0 3:
                ApiVersionsRequest ApiVersionsResponse,
            19 CreateTopics 2 - 7 2 5:
                CreateTopicsRequest CreateTopicsResponse,
            20 DeleteTopics 1 - 6 1 4:
                DeleteTopicsRequest DeleteTopicsResponse,
            21 DeleteRecords 0 - 2 0 2:
                DeleteRecordsRequest DeleteRecordsResponse,
            22 InitProducerId 0 - 5 0 2:
                InitProducerIdRequest InitProducerIdResponse,
            23 OffsetForLeaderEpoch 2 - 4 2 4:
                OffsetForLeaderEpochRequest OffsetForLeaderEpochResponse,
            24 AddPartitionsToTxn 0 - 5 0 3:
                AddPartitionsToTxnRequest AddPartitionsToTxnResponse,
            25 AddOffsetsToTxn 0 - 4 0 3:
                AddOffsetsToTxnRequest AddOffsetsToTxnResponse,
            26 EndTxn 0 - 5 0 3:
                EndTxnRequest EndTxnResponse,
            27 WriteTxnMarkers 1 - 2 1 1:
                WriteTxnMarkersRequest WriteTxnMarkersResponse,
            28 TxnOffsetCommit 0 - 5 0 3:
                TxnOffsetCommitRequest TxnOffsetCommitResponse,
            32 DescribeConfigs 1 - 4 1 4:
                DescribeConfigsRequest DescribeConfigsResponse,
            33 AlterConfigs 0 - 2 0 2:
                AlterConfigsRequest AlterConfigsResponse,
            35 DescribeLogDirs 1 - 5 1 2:
                DescribeLogDirsRequest DescribeLogDirsResponse,
            37 CreatePartitions 0 - 3 0 2:
                CreatePartitionsRequest CreatePartitionsResponse,
            42 DeleteGroups 0 - 2 0 2:
                DeleteGroupsRequest DeleteGroupsResponse,
            44 IncrementalAlterConfigs 0 - 1 0 1:
                IncrementalAlterConfigsRequest IncrementalAlterConfigsResponse,
            47 OffsetDelete 0 - 0 0 NEVER:
                OffsetDeleteRequest OffsetDeleteResponse,
            57 UpdateFeatures 0 - 2 0 0:
                UpdateFeaturesRequest UpdateFeaturesResponse,
            60 DescribeCluster 0 - 2 0 0:
                DescribeClusterRequest DescribeClusterResponse,
            61 DescribeProducers 0 - 0 0 0:
                DescribeProducersRequest DescribeProducersResponse,
            65 DescribeTransactions 0 - 0 0 0:
                DescribeTransactionsRequest DescribeTransactionsResponse,
            66 ListTransactions 0 - 2 0 0:
                ListTransactionsRequest ListTransactionsResponse,
            68 ConsumerGroupHeartbeat 0 - 1 0 0:
                ConsumerGroupHeartbeatRequest ConsumerGroupHeartbeatResponse,
            69 ConsumerGroupDescribe 0 - 1 0 0:
                ConsumerGroupDescribeRequest ConsumerGroupDescribeResponse,
            74 ListConfigResources 0 - 1 0 0:
                ListConfigResourcesRequest ListConfigResourcesResponse,
            75 DescribeTopicPartitions 0 - 0 0 0:
                DescribeTopicPartitionsRequest DescribeTopicPartitionsResponse,
        }
    };
}
pub(crate) use for_each_api;

macro_rules! api_keys {
    ($(
        $key:literal $name:ident $min:literal - $max:literal $served:literal $flexible:tt:
        $request:ident $response:ident,
    )*) => {
        /// A request that this crate knows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ApiKey {
            $(#[doc = concat!("`", stringify!($name), "`, key ", stringify!($key))] $name = $key,)*
        }

        impl ApiKey {
            /// Every one, by key.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The request with this key, if this crate knows it.
            pub fn from_key(key: i16) -> Option<Self> {
                match key {
                    $($key => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Kafka's name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The versions that a broker advertises.
            pub fn advertised(self) -> Versions {
                match self {
                    $(Self::$name => Versions { min: $min, max: $max },)*
                }
            }

            /// The versions that a broker serves: those that the structs can be read and written
            /// in.
            pub fn served(self) -> Versions {
                match self {
                    $(Self::$name => Versions { min: $served, max: $max },)*
                }
            }

            /// The first flexible version (KIP-482); [`i16::MAX`] if there is none.
            pub fn flexible_from(self) -> i16 {
                match self {
                    $(Self::$name => $flexible,)*
                }
            }
        }

        $(impl Request for crate::$request {
            const API: ApiKey = ApiKey::$name;
            type Response = crate::$response;
        })*
    };
}

for_each_api!(api_keys);

impl ApiKey {
    /// The number on the wire.
    pub fn key(self) -> i16 {
        self as i16
    }

    /// Whether `version` is a flexible one.
    pub fn is_flexible(self, version: i16) -> bool {
        version >= self.flexible_from()
    }

    /// The version of the header in front of the request.
    pub fn request_header_version(self, version: i16) -> i16 {
        if self.is_flexible(version) {
            RequestHeader::FLEXIBLE_VERSION
        } else {
            RequestHeader::FIXED_VERSION
        }
    }

    /// The version of the header in front of the answer. For ApiVersions it is always 0: a client
    /// that asks does not know yet whether the broker has flexible headers (KIP-511).
    pub fn response_header_version(self, version: i16) -> i16 {
        if self.is_flexible(version) && self != Self::ApiVersions {
            ResponseHeader::FLEXIBLE_VERSION
        } else {
            ResponseHeader::FIXED_VERSION
        }
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use base::codec::Schema;

    use super::*;

    fn check_schema(api: ApiKey, schema: &Schema) {
        assert_eq!(schema.key, Some(api.key()), "{api}");
        assert_eq!(schema.versions, api.served(), "{api}");
        assert_eq!(
            schema.flexible.map_or(NEVER, |flexible| flexible.min),
            api.flexible_from(),
            "{api}"
        );
        assert_eq!(
            schema.name.strip_suffix("Request").or(schema.name.strip_suffix("Response")),
            Some(api.name())
        );
    }

    macro_rules! check_schemas {
        ($(
            $key:literal $name:ident $min:literal - $max:literal $served:literal $flexible:tt:
            $request:ident $response:ident,
        )*) => {
            $(
                check_schema(ApiKey::$name, &crate::$request::SCHEMA);
                check_schema(ApiKey::$name, &crate::$response::SCHEMA);
            )*
        };
    }

    #[test]
    fn the_table_and_the_structs_agree() {
        for_each_api!(check_schemas);
    }

    #[test]
    fn a_key_leads_back_to_its_request_and_the_table_is_in_order() {
        for &api in ApiKey::ALL {
            assert_eq!(ApiKey::from_key(api.key()), Some(api));
        }
        assert!(ApiKey::ALL.is_sorted());
        assert_eq!(ApiKey::from_key(-1), None);
        assert_eq!(ApiKey::from_key(i16::MAX), None);
    }

    /// What Apache Kafka 4.3.1 answered to ApiVersions.
    #[test]
    fn what_is_advertised_is_what_kafka_advertises() {
        let advertised: Vec<_> = ApiKey::ALL
            .iter()
            .map(|api| (api.key(), api.advertised().min, api.advertised().max))
            .collect();
        let kafka = [
            (0, 0, 13),
            (1, 4, 18),
            (2, 1, 11),
            (3, 0, 13),
            (8, 2, 10),
            (9, 1, 10),
            (10, 0, 6),
            (11, 0, 9),
            (12, 0, 4),
            (13, 0, 5),
            (14, 0, 5),
            (15, 0, 6),
            (16, 0, 5),
            (18, 0, 4),
            (19, 2, 7),
            (20, 1, 6),
            (21, 0, 2),
            (22, 0, 5),
            (23, 2, 4),
            (24, 0, 5),
            (25, 0, 4),
            (26, 0, 5),
            (27, 1, 2),
            (28, 0, 5),
            (32, 1, 4),
            (33, 0, 2),
            (35, 1, 5),
            (37, 0, 3),
            (42, 0, 2),
            (44, 0, 1),
            (47, 0, 0),
            (57, 0, 2),
            (60, 0, 2),
            (61, 0, 0),
            (65, 0, 0),
            (66, 0, 2),
            (68, 0, 1),
            (69, 0, 1),
            (74, 0, 1),
            (75, 0, 0),
        ];
        assert_eq!(advertised, kafka);
    }

    /// librdkafka 2.0 turns compression off for a broker whose Produce range starts above 0.
    #[test]
    fn produce_is_advertised_from_0_and_served_from_3() {
        assert_eq!(ApiKey::Produce.advertised(), Versions { min: 0, max: 13 });
        assert_eq!(ApiKey::Produce.served(), Versions { min: 3, max: 13 });
        let others = ApiKey::ALL.iter().filter(|&&api| api != ApiKey::Produce);
        assert!(others.into_iter().all(|api| api.advertised() == api.served()));
    }

    #[test]
    fn the_answer_to_api_versions_has_the_oldest_header_in_every_version() {
        for version in 0..=4 {
            assert_eq!(ApiKey::ApiVersions.response_header_version(version), 0);
        }
        assert_eq!(ApiKey::ApiVersions.request_header_version(2), 1);
        assert_eq!(ApiKey::ApiVersions.request_header_version(3), 2);
        assert_eq!(ApiKey::Fetch.response_header_version(11), 0);
        assert_eq!(ApiKey::Fetch.response_header_version(12), 1);
    }
}
