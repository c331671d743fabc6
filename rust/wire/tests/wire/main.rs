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
            FindCoordinatorRequest FindCoordinatorResponse
            ApiVersionsRequest ApiVersionsResponse
            CreateTopicsRequest CreateTopicsResponse
            DeleteTopicsRequest DeleteTopicsResponse
            DeleteRecordsRequest DeleteRecordsResponse
            InitProducerIdRequest InitProducerIdResponse
            OffsetForLeaderEpochRequest OffsetForLeaderEpochResponse
            DescribeConfigsRequest DescribeConfigsResponse
            AlterConfigsRequest AlterConfigsResponse
            DescribeLogDirsRequest DescribeLogDirsResponse
            CreatePartitionsRequest CreatePartitionsResponse
            IncrementalAlterConfigsRequest IncrementalAlterConfigsResponse
            DescribeClusterRequest DescribeClusterResponse
            DescribeTopicPartitionsRequest DescribeTopicPartitionsResponse
        }
    };
}

mod contract;
mod counting_allocator;
mod golden;
mod hostile_frames;
mod oracle;
mod random_message;
mod schema;
mod traps;

use counting_allocator::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
