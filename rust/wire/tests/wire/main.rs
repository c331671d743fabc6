//! Holds the messages against four independent witnesses: the contract table, a foreign codec,
//! Kafka's own bytes, and frames that nobody should have sent.
#![expect(clippy::unwrap_used, reason = "a witness that cannot be heard fails its test")]

/// Hands every request and answer to a macro.
macro_rules! for_each_message {
    ($macro:ident) => {
        $macro! {
            ProduceRequest ProduceResponse
            FetchRequest FetchResponse
            ListOffsetsRequest ListOffsetsResponse
            MetadataRequest MetadataResponse
            OffsetCommitRequest OffsetCommitResponse
            OffsetFetchRequest OffsetFetchResponse
            FindCoordinatorRequest FindCoordinatorResponse
            JoinGroupRequest JoinGroupResponse
            HeartbeatRequest HeartbeatResponse
            LeaveGroupRequest LeaveGroupResponse
            SyncGroupRequest SyncGroupResponse
            DescribeGroupsRequest DescribeGroupsResponse
            ListGroupsRequest ListGroupsResponse
            ApiVersionsRequest ApiVersionsResponse
            CreateTopicsRequest CreateTopicsResponse
            DeleteTopicsRequest DeleteTopicsResponse
            DeleteRecordsRequest DeleteRecordsResponse
            InitProducerIdRequest InitProducerIdResponse
            OffsetForLeaderEpochRequest OffsetForLeaderEpochResponse
            AddPartitionsToTxnRequest AddPartitionsToTxnResponse
            AddOffsetsToTxnRequest AddOffsetsToTxnResponse
            EndTxnRequest EndTxnResponse
            WriteTxnMarkersRequest WriteTxnMarkersResponse
            TxnOffsetCommitRequest TxnOffsetCommitResponse
            DescribeConfigsRequest DescribeConfigsResponse
            AlterConfigsRequest AlterConfigsResponse
            DescribeLogDirsRequest DescribeLogDirsResponse
            CreatePartitionsRequest CreatePartitionsResponse
            DeleteGroupsRequest DeleteGroupsResponse
            IncrementalAlterConfigsRequest IncrementalAlterConfigsResponse
            OffsetDeleteRequest OffsetDeleteResponse
            UpdateFeaturesRequest UpdateFeaturesResponse
            DescribeClusterRequest DescribeClusterResponse
            DescribeProducersRequest DescribeProducersResponse
            DescribeTransactionsRequest DescribeTransactionsResponse
            ListTransactionsRequest ListTransactionsResponse
            ConsumerGroupHeartbeatRequest ConsumerGroupHeartbeatResponse
            ConsumerGroupDescribeRequest ConsumerGroupDescribeResponse
            ListConfigResourcesRequest ListConfigResourcesResponse
            DescribeTopicPartitionsRequest DescribeTopicPartitionsResponse
        }
    };
}

/// Hands what is not a request or an answer to a macro: what consumers say to each other, and what
/// coordinators keep.
macro_rules! for_each_record {
    ($macro:ident) => {
        $macro! {
            ConsumerProtocolSubscription ConsumerProtocolAssignment
            LegacyOffsetCommitKey LegacyOffsetCommitValue
            OffsetCommitKey OffsetCommitValue
            GroupMetadataKey GroupMetadataValue
            ConsumerGroupMetadataKey ConsumerGroupMetadataValue
            ConsumerGroupPartitionMetadataKey ConsumerGroupPartitionMetadataValue
            ConsumerGroupMemberMetadataKey ConsumerGroupMemberMetadataValue
            ConsumerGroupTargetAssignmentMetadataKey ConsumerGroupTargetAssignmentMetadataValue
            ConsumerGroupTargetAssignmentMemberKey ConsumerGroupTargetAssignmentMemberValue
            ConsumerGroupCurrentMemberAssignmentKey ConsumerGroupCurrentMemberAssignmentValue
            ConsumerGroupRegularExpressionKey ConsumerGroupRegularExpressionValue
            TransactionLogKey TransactionLogValue
        }
    };
}

mod contract;
mod counting_allocator;
mod golden;
mod hostile_frames;
mod oracle;
mod random_message;
mod records;
mod schema;
mod traps;

use counting_allocator::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
